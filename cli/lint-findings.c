/* SPDX-License-Identifier: BSD-2-Clause */
/* What the plugin and the log have, put together and named. */
#include <stdlib.h>
#include <string.h>

#include "lint.h"

const char *lint_kind_name(enum lint_kind kind)
{
	static const char *const names[] = {
		[LINT_DEVICE] = "device", [LINT_HOLE] = "hole", [LINT_REFUSED] = "refused"};

	return names[kind];
}

static void describe(struct lint_found *found, struct lint_code *code)
{
	struct sv_insn insn;

	if (found->has_pc)
		lint_code_find(code, found->pc, &found->place);
	if (!found->has_word)
		return;
	found->insn = explain_insn_kind(found->word);
	if (sv_decode(SV_A64, found->word, &insn) == SV_OK)
		sv_insn_format(&insn, found->pc, found->text, sizeof(found->text));
	found->described = !*found->insn->why;
}

/* From physical addresses to a device and offsets; what has no device is a hole. */
static void place(struct lint_found *found, const struct lint_map *map)
{
	const struct lint_region *region, *last, *unused;

	if (!found->has_address || !map->count)
		return;
	region = lint_map_find(map, found->address, &found->below, &found->above);
	if (!region) {
		found->kind = LINT_HOLE;
		*found->device = 0;
		return;
	}
	last = lint_map_find(map, found->address_last, &unused, &unused);
	memcpy(found->device, region->name, sizeof(found->device));
	found->has_offset = last == region;
	found->offset = found->address - region->first + region->offset;
	found->offset_last = found->address_last - region->first + region->offset;
}

/* QEMU calls all of a page I/O of which a part is. */
static bool is_memory(const struct lint_map *map, const struct lint_finding *finding)
{
	const struct lint_region *unused, *region = lint_map_find(map, finding->first, &unused, &unused);

	return region && region->memory && region == lint_map_find(map, finding->last, &unused, &unused);
}

static void take_finding(struct lint_found *found, const struct lint_report *report,
			 const struct lint_finding *finding)
{
	*found = (struct lint_found){.kind = LINT_DEVICE,
				     .has_pc = true,
				     .pc = finding->pc,
				     .has_word = true,
				     .word = finding->word,
				     .has_address = true,
				     .address = finding->first,
				     .address_last = finding->last,
				     .loads = finding->loads,
				     .stores = finding->stores,
				     .levels = finding->levels};
	if (finding->region < LINT_REGIONS)
		memcpy(found->device, report->names[finding->region], sizeof(found->device));
	found->device[sizeof(found->device) - 1] = 0;
	/* How QEMU calls a region that has no name, of which it knows no more than we. */
	if (!strncmp(found->device, "anon", 4))
		*found->device = 0;
}

static void take_abort(struct lint_found *found, const struct lint_abort *abort)
{
	*found = (struct lint_found){.kind = abort->hole ? LINT_HOLE : LINT_REFUSED,
				     .has_pc = abort->has_pc,
				     .pc = abort->pc,
				     .has_word = abort->has_word,
				     .word = abort->word,
				     .has_address = abort->has_address,
				     .address = abort->address,
				     .address_last = abort->address,
				     .has_va = abort->has_pc,
				     .va = abort->va,
				     .loads = abort->write ? 0 : abort->count,
				     .stores = abort->write ? abort->count : 0,
				     .levels = abort->has_pc ? 1u << abort->level : 0};
	memcpy(found->device, abort->name, sizeof(found->device));
	if (*abort->name) {
		found->has_offset = true;
		found->offset = found->offset_last = abort->address;
	}
}

/*
 * Of a hole that the board let pass, the log has no more than the address; the plugin has the rest if the CPU
 * would not describe the access.
 */
static bool is_known(const struct lint_findings *findings, const struct lint_abort *abort)
{
	for (size_t i = 0; !abort->has_pc && i < findings->count; i++) {
		struct lint_found *found = &findings->list[i];

		if (!found->has_pc || !found->has_address || abort->address < found->address ||
		    abort->address > found->address_last)
			continue;
		if (!*found->device)
			found->kind = LINT_HOLE;
		return true;
	}
	return false;
}

/* By what has to be mended: first what KVM cannot decode, then by place. */
static int compare(const void *a, const void *b)
{
	const struct lint_found *x = a, *y = b;

	if (x->described != y->described)
		return x->described - y->described;
	if (x->kind != y->kind)
		return (int)x->kind - (int)y->kind;
	if (x->pc != y->pc)
		return x->pc < y->pc ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

bool lint_findings_make(struct lint_findings *findings, const struct lint_report *report,
			const struct lint_log *log, const struct lint_map *map, struct lint_code *code)
{
	size_t known = report->finding_count < LINT_FINDINGS ? report->finding_count : LINT_FINDINGS;

	*findings = (struct lint_findings){.dropped = report->dropped + (log ? log->dropped : 0),
					   .unwatched = report->unwatched,
					   .aarch32 = report->aarch32,
					   .watched = report->blocks > report->aarch32,
					   .logged = log,
					   .has_levels = report->has_levels,
					   .list = calloc(known + (log ? log->count : 0) + 1,
							  sizeof(*findings->list))};
	if (!findings->list)
		return false;
	for (size_t i = 0; i < known; i++)
		if (!is_memory(map, &report->findings[i]))
			take_finding(&findings->list[findings->count++], report, &report->findings[i]);
	for (size_t i = 0; log && i < log->count; i++)
		if (!is_known(findings, &log->list[i]))
			take_abort(&findings->list[findings->count++], &log->list[i]);
	for (size_t i = 0; i < findings->count; i++) {
		describe(&findings->list[i], code);
		place(&findings->list[i], map);
		/* Without its word an access that came from the log may be of any kind: it is no proof. */
		if (!findings->list[i].has_word)
			findings->list[i].described = true;
	}
	/* A device that refuses an access which KVM can decode is no matter of ours. */
	for (size_t i = 0; i < findings->count;) {
		if (findings->list[i].described && findings->list[i].kind == LINT_REFUSED)
			findings->list[i] = findings->list[--findings->count];
		else
			findings->undescribed += !findings->list[i++].described;
	}
	qsort(findings->list, findings->count, sizeof(*findings->list), compare);
	return true;
}

void lint_findings_free(struct lint_findings *findings)
{
	free(findings->list);
	findings->list = NULL;
	findings->count = 0;
}
