/* SPDX-License-Identifier: BSD-2-Clause */
#include "case.h"

const struct conform_case *conform_case(size_t index)
{
	static const struct conform_group *const groups[] = {&conform_mmio,   &conform_nisv,
							     &conform_fetch,  &conform_inject,
							     &conform_memory, &conform_faults,
							     &conform_errors, &conform_cpu};

	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (index < groups[i]->count)
			return &groups[i]->cases[index];
		index -= groups[i]->count;
	}
	return NULL;
}
