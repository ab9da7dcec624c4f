/* SPDX-License-Identifier: BSD-2-Clause */
/* One device access, whether KVM described it (KVM_EXIT_MMIO) or salvage did (SV_VERDICT_ACCESS). */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "platform.h"

struct sv_access;

/*
 * A device model. data is in memory order. read and write are called by any vCPU's thread, at several at
 * once, only for accesses that lie inside the device and that its sizes and alignment allow.
 */
struct vmm_device {
	const struct vmm_place *place;
	void (*read)(struct vmm_device *device, uint64_t offset, unsigned size, uint8_t *data);
	void (*write)(struct vmm_device *device, uint64_t offset, unsigned size, const uint8_t *data);
	/* Performs an atomic indivisibly, or NULL. */
	void (*atomic)(struct vmm_device *device, uint64_t offset, struct sv_access *access);
	bool quiet; /* its accesses are no mmio events */
};

/* Devices are attached before the first vCPU runs; from then on the bus is only read. */
struct vmm_bus {
	struct vmm_device *devices[VMM_PARTS];
	unsigned count;
};

void vmm_bus_attach(struct vmm_bus *bus, struct vmm_device *device);

/*
 * The device that took the access, or NULL if there is none at ipa or it does not take such an access. size
 * is at most 8.
 */
struct vmm_device *vmm_bus_access(const struct vmm_bus *bus, uint64_t ipa, unsigned size, bool write,
				  uint8_t *data);

/* An atomic, by a device that performs them: the one that took it, or NULL. */
struct vmm_device *vmm_bus_atomic(const struct vmm_bus *bus, struct sv_access *access);

#endif
