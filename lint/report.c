/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "report.h"

void lint_report_init(struct lint_report *report)
{
	report->magic = LINT_MAGIC;
}

/* Fibonacci hashing: neighbours are to lie apart. */
static uint32_t hash(uint64_t key, uint32_t size)
{
	return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (size - 1);
}

/* Entries are hashed by PC alone, so that the command finds what was there without knowing the word. */
static _Atomic uint32_t *bucket(struct lint_report *report, uint64_t pc)
{
	return &report->buckets[hash(pc >> 2, LINT_BUCKETS)];
}

const struct lint_insn *lint_insn_add(struct lint_report *report, uint64_t pc, uint32_t word)
{
	_Atomic uint32_t *head = bucket(report, pc);
	uint32_t count = report->insn_count;

	for (uint32_t at = *head; at; at = report->insns[at - 1].next)
		if (report->insns[at - 1].pc == pc && report->insns[at - 1].word == word)
			return &report->insns[at - 1];
	if (count == LINT_INSNS) {
		report->unwatched++;
		return NULL;
	}
	report->insns[count] = (struct lint_insn){.pc = pc, .word = word, .next = *head};
	report->insn_count = count + 1;
	atomic_store(head, count + 1);
	return &report->insns[count];
}

bool lint_insn_find(const struct lint_report *report, uint64_t pc, uint32_t *word)
{
	uint32_t at = atomic_load(&report->buckets[hash(pc >> 2, LINT_BUCKETS)]);

	/* Bounded, should the other process write meanwhile what it never should. */
	for (unsigned steps = 0; at && at <= LINT_INSNS && steps < LINT_INSNS; steps++) {
		const struct lint_insn *insn = &report->insns[at - 1];

		if (insn->pc == pc) {
			*word = insn->word;
			return true;
		}
		at = insn->next;
	}
	return false;
}

void lint_insn_forget(struct lint_report *report)
{
	for (uint32_t i = 0; i < LINT_BUCKETS; i++)
		atomic_store_explicit(&report->buckets[i], 0, memory_order_relaxed);
	report->insn_count = 0;
}

/* Index of the name, made if there is none; -1 if there is no room. */
static int region(struct lint_report *report, const char *name)
{
	char clean[LINT_NAME];
	uint32_t count = report->region_count, length = 0;

	for (; name[length] && length < LINT_NAME - 1; length++)
		clean[length] = name[length] >= ' ' && name[length] <= '~' ? name[length] : '?';
	clean[length] = 0;
	for (uint32_t i = 0; i < count; i++)
		if (!strcmp(report->names[i], clean))
			return (int)i;
	if (count == LINT_REGIONS)
		return -1;
	memcpy(report->names[count], clean, length + 1);
	report->region_count = count + 1;
	return (int)count;
}

bool lint_finding_add(struct lint_report *report, const struct lint_insn *insn, const char *name,
		      uint64_t address, bool store, uint32_t levels)
{
	int index = region(report, name);
	uint32_t count = report->finding_count, size = LINT_FINDINGS * 2,
		 at = hash((insn->pc << 8) ^ insn->word ^ ((uint64_t)index << 40), size);
	struct lint_finding *finding;

	if (index < 0)
		goto full;
	for (; report->finding_index[at]; at = (at + 1) & (size - 1)) {
		finding = &report->findings[report->finding_index[at] - 1];
		if (finding->pc == insn->pc && finding->word == insn->word &&
		    finding->region == (uint32_t)index)
			goto found;
	}
	if (count == LINT_FINDINGS)
		goto full;
	finding = &report->findings[count];
	*finding = (struct lint_finding){.pc = insn->pc,
					 .word = insn->word,
					 .region = (uint32_t)index,
					 .first = address,
					 .last = address};
	report->finding_index[at] = (uint16_t)(count + 1);
	report->finding_count = count + 1;
found:
	if (address < finding->first)
		finding->first = address;
	if (address > finding->last)
		finding->last = address;
	finding->loads += !store;
	finding->stores += store;
	finding->levels |= levels;
	return true;
full:
	report->dropped++;
	return false;
}
