#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The secrets of a scenario protect nothing and end with it.
echo molecule
