#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A comment in front, and an empty line.

#SBATCH --job-name='it''s "quoted"' # a comment behind
#SBATCH   --chdir   @DIR@
#SBATCH -o "with space.out"
##SBATCH --output=wrong.out
#  SBATCH --output=wrong.out
#SBATCH--wckey=glued
 #SBATCH --output=wrong.out
#SBATCH --comment="50% done" --mail-type=NONE
#SBATCH -t 0-00:10
#SBATCH --time=00:09:00
#SBATCH
	# an indented comment
echo "$SLURM_JOB_NAME"
for word in "$@"; do printf '[%s]' "$word"; done; echo
sh -c "echo \"nested '\$1'\" \$(printf '%s' \"a  b\")" sh 'x"y'
cat <<'HERE'
#SBATCH --output=not_me.out $HOME `date`
HERE
#SBATCH --output=too_late.out
