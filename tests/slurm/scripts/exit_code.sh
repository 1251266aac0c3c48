#!/bin/sh
#SBATCH --chdir=@DIR@ --job-name=exit_code
echo before
exit 3
