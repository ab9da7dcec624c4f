/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>

#include <salvage/abort.h>

#include "bus.h"

void vmm_bus_attach(struct vmm_bus *bus, struct vmm_device *device)
{
	assert(bus->count < VMM_PARTS);
	bus->devices[bus->count++] = device;
}

static bool takes(const struct vmm_place *place, uint64_t offset, unsigned size)
{
	if (!(place->sizes & size) || size > place->size - offset)
		return false;
	return !place->aligned || offset % size == 0;
}

struct vmm_device *vmm_bus_access(const struct vmm_bus *bus, uint64_t ipa, unsigned size, bool write,
				  uint8_t *data)
{
	for (unsigned i = 0; i < bus->count; i++) {
		struct vmm_device *device = bus->devices[i];
		uint64_t offset = ipa - device->place->base;

		if (offset >= device->place->size)
			continue;
		if (!takes(device->place, offset, size))
			return NULL;
		if (write)
			device->write(device, offset, size, data);
		else
			device->read(device, offset, size, data);
		return device;
	}
	return NULL;
}

struct vmm_device *vmm_bus_atomic(const struct vmm_bus *bus, struct sv_access *access)
{
	for (unsigned i = 0; i < bus->count; i++) {
		struct vmm_device *device = bus->devices[i];
		uint64_t offset = access->ipa - device->place->base;

		if (offset >= device->place->size)
			continue;
		if (!device->atomic || !takes(device->place, offset, access->size))
			return NULL;
		device->atomic(device, offset, access);
		return device;
	}
	return NULL;
}
