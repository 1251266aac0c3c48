#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @DIR@
#SBATCH --mem=60M -t 2
#SBATCH --no-requeue
echo growing
# Grows to 400 MB in small steps, slowly enough to be measured.
exec perl -e 'my @a; for (1 .. 40) { push @a, "x" x (10 << 20); select undef, undef, undef, 0.2 } print "grown\n"'
