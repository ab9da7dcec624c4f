/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform.h"

#define COMPATIBLE(text) .compatible = text, .compatible_size = sizeof(text)

const struct vmm_place vmm_platform[VMM_PARTS] = {
	[VMM_GIC_DISTRIBUTOR] = {.name = "GICv3 distributor",
				 .node = "interrupt-controller",
				 COMPATIBLE("arm,gic-v3"),
				 .base = 0x08000000,
				 .size = 0x10000,
				 .kind = SV_REGION_KERNEL},
	[VMM_GIC_REDISTRIBUTOR] = {.name = "GICv3 redistributors",
				   .base = 0x080a0000,
				   .size = 0x20000,
				   .kind = SV_REGION_KERNEL},
	/* DDI 0183 gives the PL011 32-bit registers; UART drivers use narrower accesses to them too. */
	[VMM_PL011] = {.name = "pl011",
		       .node = "pl011",
		       COMPATIBLE("arm,pl011\0arm,primecell"),
		       .base = 0x09000000,
		       .size = 0x1000,
		       .kind = SV_REGION_WINDOW,
		       .sizes = 1 | 2 | 4,
		       .aligned = true},
	[VMM_RECORDER] = {.name = "recorder",
			  .node = "recorder",
			  COMPATIBLE("salvage,recorder"),
			  .base = 0x0a000000,
			  .size = 0x10000,
			  .kind = SV_REGION_WINDOW,
			  .sizes = SV_SIZES_ANY | 64,
			  .atomics = true},
	[VMM_EXIT_REGISTER] = {.name = "exit register",
			       .node = "exit-register",
			       COMPATIBLE("salvage,exit-register"),
			       .base = 0x0a010000,
			       .size = 4,
			       .kind = SV_REGION_WINDOW,
			       .sizes = 4,
			       .aligned = true},
	[VMM_REGISTER_FILE] = {.name = "register file",
			       .node = "register-file",
			       COMPATIBLE("salvage,register-file"),
			       .base = 0x0a020000,
			       .size = 0x1000,
			       .kind = SV_REGION_WINDOW,
			       .sizes = 4,
			       .aligned = true},
};

uint64_t vmm_place_last(enum vmm_part part, unsigned vcpus)
{
	const struct vmm_place *place = &vmm_platform[part];

	return place->base + place->size * (part == VMM_GIC_REDISTRIBUTOR ? vcpus : 1) - 1;
}
