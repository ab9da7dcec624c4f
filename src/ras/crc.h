/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RAS_CRC_H
#define RAS_CRC_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli) as in RFC 3720, B.4: reflected, begun with and inverted by all ones. */
uint32_t crc32c(const void *data, size_t size);

#endif
