#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH --chdir=@DIR@
#SBATCH --export=COLOUR,GREETING="hello there",EMPTY=,MISSING
echo "$COLOUR"
echo "$GREETING"
echo "${EMPTY-unset}"
echo "${MISSING-unset}"
