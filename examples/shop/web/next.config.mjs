// SPDX-License-Identifier: GPL-3.0-or-later

/** @type {import('next').NextConfig} */
export default {
  output: 'standalone',
  outputFileTracingRoot: import.meta.dirname,
  poweredByHeader: false,
  compress: false, // the edge compresses, with zstd and br as well
  images: {unoptimized: true},
};
