/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop in C. On its own, so that its instructions are those of any driver's. */
#include <stdint.h>

void program_uart(volatile uint32_t *registers, const uint32_t *values, uint64_t count);

void program_uart(volatile uint32_t *registers, const uint32_t *values, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		registers[i] = values[i];
}
