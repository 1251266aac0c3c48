# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @DIR@
echo without an interpreter
