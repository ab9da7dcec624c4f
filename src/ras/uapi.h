/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UFFDIO_POISON, which headers older than Linux 6.6 lack: asserted against the system's where it is there
 * (tests/ras/mark.c).
 */
#ifndef RAS_UAPI_H
#define RAS_UAPI_H

#include <stdint.h>

#define SV_UFFD_USER_MODE_ONLY 1
#define SV_UFFD_FEATURE_POISON (UINT64_C(1) << 14)
#define SV_UFFD_IOCTL_POISON   8

struct sv_uffdio_poison {
	uint64_t start, len;
	uint64_t mode;
	int64_t updated;
};

#define SV_UFFDIO_POISON _IOWR(0xaa, SV_UFFD_IOCTL_POISON, struct sv_uffdio_poison)

#endif
