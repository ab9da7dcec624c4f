/* SPDX-License-Identifier: BSD-2-Clause */
/* What the VMM knows of an abort and salvage does not: the guest's symbols and its device tree. */
#ifndef VMM_DIAGNOSIS_H
#define VMM_DIAGNOSIS_H

#include <stdbool.h>
#include <stdint.h>

#include <salvage/abort.h>

#include "symbols.h"
#include "tree.h"

/*
 * Of one vCPU: what the strings of its last report are, and the last search, which a guest tends to
 * repeat.
 */
struct vmm_diagnosis {
	char symbol[VMM_SYMBOL_TEXT];
	struct place place; /* of address, if known */
	uint64_t address;
	bool known;
};

/*
 * Fills in what sv_report has for the embedder. symbols and tree may be NULL. The report points into
 * *diagnosis, until the next call for it.
 */
void vmm_diagnose(struct vmm_diagnosis *diagnosis, const struct vmm_symbols *symbols,
		  const struct vmm_tree *tree, struct sv_report *report);

#endif
