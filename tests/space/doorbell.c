/* SPDX-License-Identifier: BSD-2-Clause */
/* Which writes ring: the kernel's rules for ioeventfds. */
#include <salvage/space.h>

#include "support/check.h"

static void rings(void **state)
{
	static const struct sv_doorbell doorbells[] = {
		{0x1000, 2, true, 0x1234, NULL},
		{0x1000, 2, true, 0x5678, NULL},
		{0x2000, 4, false, 0, NULL},
		{0x3000, 0, false, 0, NULL},
		{0x4000, 8, true, UINT64_C(0x8877665544332211), NULL},
		{0x5000, 0, true, 7, NULL},
	};
	static const struct {
		uint64_t ipa;
		unsigned size;
		uint64_t value;
		int which; /* -1: none */
	} cases[] = {
		{0x1000, 2, 0x1234, 0},
		{0x1000, 2, 0x5678, 1},
		{0x1000, 2, 0x9999, -1},
		{0x1000, 4, 0x1234, -1}, /* another length */
		{0x1000, 1, 0x34, -1},
		{0x1001, 2, 0x1234, -1}, /* beside it */
		{0x0ffe, 4, 0x12340000, -1},
		{0x2000, 4, 0, 2},
		{0x2000, 4, 0xffffffff, 2},
		{0x2000, 2, 0, -1},
		{0x3000, 1, 9, 3},
		{0x3000, 8, 9, 3},
		{0x4000, 8, UINT64_C(0x8877665544332211), 4},
		{0x4000, 8, UINT64_C(0x0877665544332211), -1},
		{0x5000, 4, 8, 5}, /* without a length no value is compared */
		{0x6000, 4, 0, -1},
	};
	uint8_t wide[16] = {0};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t data[8];
		const struct sv_doorbell *found;

		/* What lies behind the access is not part of it. */
		memset(data, 0xee, sizeof(data));
		for (unsigned byte = 0; byte < cases[i].size; byte++)
			data[byte] = (uint8_t)(cases[i].value >> 8 * byte);
		found = sv_doorbell_find(doorbells, COUNT(doorbells), cases[i].ipa, cases[i].size, data);
		if (found != (cases[i].which < 0 ? NULL : &doorbells[cases[i].which]))
			fail_msg("case %zu", i);
	}
	assert_null(sv_doorbell_find(doorbells, 0, 0x2000, 4, wide));
	assert_null(sv_doorbell_find(doorbells, COUNT(doorbells), 0x3000, 16, wide));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rings)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
