/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "devices.h"

static void exit_register_read(struct vmm_device *device, uint64_t offset, unsigned size, uint8_t *data)
{
	memset(data, 0, size);
}

static void exit_register_write(struct vmm_device *device, uint64_t offset, unsigned size,
				const uint8_t *data)
{
	struct vmm_exit_register *reg =
		(struct vmm_exit_register *)((char *)device - offsetof(struct vmm_exit_register, device));

	reg->end(reg->opaque, data[0]);
}

void vmm_exit_register_init(struct vmm_exit_register *reg, void (*end)(void *opaque, uint8_t status),
			    void *opaque)
{
	*reg = (struct vmm_exit_register){
		.device = {.place = &vmm_platform[VMM_EXIT_REGISTER],
			   .read = exit_register_read,
			   .write = exit_register_write},
		.end = end,
		.opaque = opaque,
	};
}
