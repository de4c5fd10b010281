// SPDX-License-Identifier: GPL-3.0-or-later
export const dynamic = 'force-dynamic';

export const GET = () => Response.json({alive: true});
