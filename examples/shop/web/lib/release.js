// SPDX-License-Identifier: GPL-3.0-or-later
export const RELEASE = process.env.SEAWORTHY_RELEASE || 'dev';
export const VERSION = process.env.SEAWORTHY_VERSION || 'dev';
