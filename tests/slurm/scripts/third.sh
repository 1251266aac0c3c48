#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @SHARED@
#SBATCH --output=/dev/null
#SBATCH --dependency=afternotok:@second@,afterany:@first@
echo third >> order.txt
