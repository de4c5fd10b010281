// SPDX-License-Identifier: GPL-3.0-or-later
const icon = (children) => <svg viewBox="0 0 64 64" aria-hidden="true">{children}</svg>;

export const ICONS = {
  rope: icon(<>
    <ellipse cx="32" cy="22" rx="20" ry="9" />
    <ellipse cx="32" cy="22" rx="8" ry="3.5" />
    <path d="M12 22v8c0 5 9 9 20 9s20-4 20-9v-8M12 30v8c0 5 9 9 20 9s20-4 20-9v-8M12 38v6c0 5 9 9 20 9 4 0 8-.5 11-1.5l9 4" />
  </>),
  lantern: icon(<>
    <path d="M24 14a8 8 0 0 1 16 0M20 20h24l-3-6H23zM21 48h22l3 6H18zM22 20v28M42 20v28" />
    <path className="fill" d="M32 26c4 5 6 7 6 11a6 6 0 0 1-12 0c0-4 2-6 6-11z" />
  </>),
  compass: icon(<>
    <circle cx="32" cy="34" r="20" />
    <circle cx="32" cy="34" r="15" />
    <path d="M28 10h8v4h-8zM32 19v3M32 46v3M17 34h3M44 34h3" />
    <path className="fill" d="M38 26l-3 11-9 5 3-11z" />
  </>),
  anchor: icon(<>
    <circle cx="32" cy="13" r="5" />
    <path d="M32 18v36M22 25h20M12 38c1 10 9 16 20 16s19-6 20-16M12 38l-4 7M12 38l7 4M52 38l4 7M52 38l-7 4" />
  </>),
  bell: icon(<>
    <path d="M28 12a4 4 0 0 1 8 0M32 14c-10 0-13 8-13 16 0 8-2 11-6 15h38c-4-4-6-7-6-15 0-8-3-16-13-16z" />
    <path d="M15 40h34" />
    <circle className="fill" cx="32" cy="50" r="4" />
  </>),
  buoy: icon(<>
    <circle cx="32" cy="32" r="21" />
    <circle cx="32" cy="32" r="10" />
    <path className="fill" d="M27 12h10v11H27zM27 41h10v11H27zM12 27h11v10H12zM41 27h11v10H41z" />
  </>),
};
