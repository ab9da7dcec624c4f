/* SPDX-License-Identifier: BSD-2-Clause */
/* What every unit test includes: cmocka with the headers it wants, and a seeded generator. */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* splitmix64: any seed is good, runs repeat. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* In a table of cases, the line that says which one failed. */
#define check(name, condition)                                \
	do {                                                  \
		if (!(condition))                             \
			fail_msg("%s: %s", name, #condition); \
	} while (0)

#endif
