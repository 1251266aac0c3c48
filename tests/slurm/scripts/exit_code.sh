#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#SBATCH --chdir=@DIR@ --job-name=exit_code
echo before
exit 3
