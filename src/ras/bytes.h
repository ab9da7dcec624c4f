/* SPDX-License-Identifier: BSD-2-Clause */
/* Little-endian fields of the files, whatever the host's byte order and alignment. */
#ifndef RAS_BYTES_H
#define RAS_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void bytes_put(uint8_t *at, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static inline uint64_t bytes_get(const uint8_t *at, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

static inline int bytes_are_zero(const uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (at[i])
			return 0;
	return 1;
}

#endif
