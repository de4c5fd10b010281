// SPDX-License-Identifier: GPL-3.0-or-later
// Starts Next.js' standalone server, which ends gracefully on SIGTERM; EXIT_AT_ONCE=1 turns that off (for drills).

if (process.env.EXIT_AT_ONCE === '1') process.on('SIGTERM', () => process.exit(0));

require('./server.js');
