/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices of a VMM that nobody here wrote, driven by instructions that KVM cannot decode. */
#include "../guests/stage1.h"
#include "virt.h"

void guest_main(uint64_t dtb)
{
	stage1_on();
	check_uart();
	check_flash();
	check_virtio();
	print_number(whole_count);
	guest_print(" instructions, every register and every value as it must be\n");
}
