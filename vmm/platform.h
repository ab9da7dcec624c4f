/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The platform in one table: the IPA space, the interrupt controller, the bus and the device tree are all
 * made from it, so none of them can disagree with another.
 */
#ifndef VMM_PLATFORM_H
#define VMM_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include <salvage/space.h>

enum vmm_part {
	VMM_GIC_DISTRIBUTOR,
	VMM_GIC_REDISTRIBUTOR,
	VMM_PL011,
	VMM_RECORDER,
	VMM_EXIT_REGISTER,
	VMM_REGISTER_FILE,
	VMM_PARTS,
};

struct vmm_place {
	const char *name;         /* in events and explanations */
	const char *node;         /* in the device tree, without the unit address */
	const char *compatible;   /* two strings may follow each other, as the device tree has them */
	unsigned compatible_size; /* with the last NUL */
	uint64_t base, size;      /* of the redistributors: per vCPU */
	enum sv_region_kind kind; /* SV_REGION_WINDOW or SV_REGION_KERNEL */
	uint8_t sizes;            /* accepted access sizes, or-ed */
	bool aligned;
	bool atomics; /* performs them indivisibly */
};

extern const struct vmm_place vmm_platform[VMM_PARTS];

#define VMM_RAM_BASE UINT64_C(0x40000000)

/* Redistributors end where the PL011 begins. */
#define VMM_VCPUS_MAX 123

/* PL011: SPI 1, as on QEMU's virt. Shared peripheral interrupts begin at INTID 32. */
#define VMM_PL011_SPI   1
#define VMM_SPI_BASE    32
#define VMM_PL011_CLOCK 24000000

/* Last address of a part, which for the redistributors depends on the number of vCPUs. */
uint64_t vmm_place_last(enum vmm_part part, unsigned vcpus);

#endif
