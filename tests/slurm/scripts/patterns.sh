#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @DIR@ -J fit
#SBATCH -o logs_%x-%u-%N-100%%.out
#SBATCH -e %x_%A_%a_%3t.err
echo out
echo err >&2
