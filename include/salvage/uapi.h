/* SPDX-License-Identifier: BSD-2-Clause */
/* In the source tree; what is installed under this name is the file itself. */
#include "../../src/kvm/uapi.h"
