// SPDX-License-Identifier: GPL-3.0-or-later
import './globals.css';

export const metadata = {
  title: 'Fathom & Line · ship chandlers',
  description: 'The example shop of seaworthy.swarm',
};

export const viewport = {themeColor: '#0b2239'};

export default function Layout({children}) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
