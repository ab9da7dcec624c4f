/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SVE_H
#define SVE_H

#include "stage1.h"

#define SVE ".arch_extension sve\n"

/* Ends the run as skipped where the guest has no SVE. */
static inline void sve_on(const char *guest)
{
	uint64_t features, cpacr;

	__asm__("mrs %0, id_aa64pfr0_el1" : "=r"(features));
	if (!(features >> 32 & 0xf)) {
		guest_print(guest);
		guest_print(": this CPU has no FEAT_SVE\n");
		guest_exit(77);
	}
	__asm__ volatile("mrs %0, cpacr_el1" : "=r"(cpacr));
	__asm__ volatile("msr cpacr_el1, %0\n\tisb" : : "r"(cpacr | 3 << 16));
}

/* Asks for vectors of so many bytes by ZCR_EL1.LEN; returns what came of it: the largest not above. */
static inline unsigned sve_length(unsigned bytes)
{
	uint64_t is;

	__asm__ volatile(SVE "msr s3_0_c1_c2_0, %1\n isb\n rdvl %0, #1"
			 : "=r"(is)
			 : "r"((uint64_t)bytes / 16 - 1));
	return (unsigned)is;
}

#endif
