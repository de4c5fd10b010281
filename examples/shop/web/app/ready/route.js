// SPDX-License-Identifier: GPL-3.0-or-later
import {fromApi} from '../../lib/api';

export const dynamic = 'force-dynamic';

let apiSeen = false;

// Ready once the api has answered; a later fault of the api must not take every page down with it.
export async function GET() {
  apiSeen ||= (await fromApi('/ready')) !== undefined;
  return Response.json({ready: apiSeen}, {status: apiSeen ? 200 : 503});
}
