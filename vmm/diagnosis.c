/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "diagnosis.h"

/*
 * Only of accesses that did not get through, to where a device is or might be. A hole is known as such only
 * where the address was looked up.
 */
static bool wants_node(const struct sv_report *report)
{
	if (report->ending == SV_ENDING_COMPLETED || report->ending == SV_ENDING_RETRIED)
		return false;
	if (report->region)
		return report->region->kind == SV_REGION_WINDOW || report->region->kind == SV_REGION_KERNEL;
	return report->cause == SV_CAUSE_HOLE || report->reason == SV_REASON_HOLE;
}

/* Unlike for explain, which tells of a device, memory counts. */
static const struct place_region *nearest(const struct place *place, uint64_t address)
{
	bool above = false;
	const struct place_region *near = vmm_tree_nearest(place, address, &above);
	uint64_t gap = !near ? UINT64_MAX : above ? near->first - address : address - near->last;

	return place->ram_known && address - place->ram.last < gap ? &place->ram : near;
}

static void find_node(struct vmm_diagnosis *diagnosis, const struct vmm_tree *tree, struct sv_report *report)
{
	const struct place *place = &diagnosis->place;
	const struct place_region *region;

	if (!diagnosis->known || diagnosis->address != report->ipa) {
		vmm_tree_find(tree, report->ipa, &diagnosis->place);
		diagnosis->address = report->ipa;
		diagnosis->known = true;
	}
	report->node_here = place->kind != PLACE_HOLE;
	region = report->node_here ? &place->at : nearest(place, report->ipa);
	if (!region)
		return;
	report->node = region->path;
	report->node_disabled = report->node_here && region->disabled;
}

void vmm_diagnose(struct vmm_diagnosis *diagnosis, const struct vmm_symbols *symbols,
		  const struct vmm_tree *tree, struct sv_report *report)
{
	report->symbol = NULL;
	report->node = NULL;
	report->node_here = report->node_disabled = false;
	if (report->has_pc && vmm_symbols_find(symbols, report->pc, diagnosis->symbol))
		report->symbol = diagnosis->symbol;
	if (tree && wants_node(report))
		find_node(diagnosis, tree, report);
}
