/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A report in words. The order is what an operator asks: which instruction, what for, where, what is near,
 * what came of it, who said so.
 */
#include <salvage/abort.h>

#include "../insn/text.h"
#include "../name.h"

static void instruction(struct sv_text *text, const struct sv_report *report)
{
	char line[96];

	if (report->has_pc) {
		sv_text_string(text, "vcpu at pc ");
		sv_text_hex(text, report->pc, 8);
		if (report->symbol) {
			sv_text_string(text, " (");
			sv_text_string(text, report->symbol);
			sv_text_char(text, ')');
		}
		sv_text_string(text, ": ");
	} else {
		sv_text_string(text, "vcpu: ");
	}
	if (report->has_insn) {
		sv_insn_format(&report->insn, report->has_pc ? report->pc : 0, line, sizeof(line));
		sv_text_string(text, line);
	} else if (report->has_word) {
		sv_text_string(text, "the instruction ");
		sv_text_hex(text, report->word, 8);
	} else {
		sv_text_string(text,
			       report->isv ? "a single load or store" : "an instruction that was not read");
	}
}

/* Bytes accessed, as far as the word tells: 0 if registers decide. */
static unsigned bytes_of(const struct sv_insn *insn)
{
	switch (insn->row->iclass) {
	case SV_CLASS_MOPS:
	case SV_CLASS_CACHE:
	case SV_CLASS_ZERO:
	case SV_CLASS_SVE:
	case SV_CLASS_SME:
		return 0;
	default:
		return insn->esize * insn->count;
	}
}

static void access(struct sv_text *text, const struct sv_report *report)
{
	bool done = report->ending == SV_ENDING_COMPLETED;
	unsigned bytes = report->has_insn ? bytes_of(&report->insn) : 0;

	sv_text_char(text, ' ');
	sv_text_string(text, done ? "" : "tried to ");
	sv_text_string(text, report->write ? (done ? "wrote " : "write ") : "read ");
	if (bytes) {
		sv_text_decimal(text, bytes);
		sv_text_string(text, bytes == 1 ? " byte " : " bytes ");
	}
	sv_text_string(text, "at ");
	if (report->no_ipa)
		sv_text_string(text, "an address that the hardware does not name");
	else
		sv_text_hex(text, report->ipa, 8);
	if (report->has_va && report->va != report->ipa) {
		sv_text_string(text, " (the guest's virtual address ");
		sv_text_hex(text, report->va, 8);
		sv_text_char(text, ')');
	}
}

static void region_name(struct sv_text *text, const struct sv_region *region)
{
	sv_text_string(text, sv_region_kind_name(region->kind));
	sv_text_char(text, ' ');
	sv_text_string(text, region->name);
}

static const struct sv_kernel_register *kernel_register(const struct sv_report *report)
{
	if (!report->region || report->region->kind != SV_REGION_KERNEL)
		return NULL;
	return sv_kernel_find(report->region, report->ipa);
}

static void place(struct sv_text *text, const struct sv_report *report, const struct sv_space *space)
{
	const struct sv_region *near;
	uint64_t distance;
	bool after;

	if (report->region) {
		sv_text_string(text, ", offset ");
		sv_text_hex(text, report->ipa - report->region->first, 1);
		if (kernel_register(report)) {
			sv_text_string(text, ", ");
			sv_text_string(text, kernel_register(report)->name);
			sv_text_char(text, ',');
		}
		sv_text_string(text, " in ");
		region_name(text, report->region);
		return;
	}
	sv_text_string(text, ", where nothing is");
	if (!space)
		return;
	near = sv_space_nearest(space, report->ipa, &distance, &after);
	if (!near) {
		sv_text_string(text, "; the guest has no memory and no device at all");
		return;
	}
	if (!distance) /* the space has changed since: nothing more can be said */
		return;
	sv_text_string(text, "; nearest is ");
	region_name(text, near);
	if (!after && distance == 1) {
		sv_text_string(text, ", which ends just below");
		return;
	}
	sv_text_string(text, ", ");
	/* Below, the gap is counted from the first byte past the region, as the driver's author counts it. */
	sv_text_hex(text, after ? distance : distance - 1, 1);
	sv_text_string(text, after ? " bytes above" : " bytes below");
}

/*
 * A guest that was told of a device that is not there is the commonest mistake of all, and what lies nearest
 * then says nothing.
 */
static void node(struct sv_text *text, const struct sv_report *report)
{
	if (!report->node)
		return;
	sv_text_string(text, report->node_here ? "; the guest's device tree has "
					       : "; nearest in the guest's device tree is ");
	sv_text_string(text, report->node);
	if (!report->node_here)
		return;
	sv_text_string(text, " there");
	if (report->node_disabled)
		sv_text_string(text, ", marked as disabled");
	else if (!report->region)
		sv_text_string(text, ", which this machine does not have");
}

/* What came of it, by ending. */
static const struct {
	const char *read, *write;
} outcomes[] = {
	[SV_ENDING_COMPLETED] = {"salvage performed it", "salvage performed it"},
	[SV_ENDING_INJECTED] = {"the guest got ", "the guest got "},
	[SV_ENDING_IGNORED] = {"the guest read zero", "the write was dropped"},
	[SV_ENDING_OBSERVED] = {"salvage only watched", "salvage only watched"},
	[SV_ENDING_RETRIED] = {"nothing was changed and the guest runs it again",
			       "nothing was changed and the guest runs it again"},
	[SV_ENDING_STOPPED] = {"the vcpu is stopped before it", "the vcpu is stopped before it"},
};

static const char *const intents[] = {
	[SV_ENDING_COMPLETED] = "would have performed it",
	[SV_ENDING_INJECTED] = "would have given the guest ",
	[SV_ENDING_IGNORED] = "would have ignored it",
	[SV_ENDING_OBSERVED] = "would have watched",
	[SV_ENDING_RETRIED] = "would have run it again",
	[SV_ENDING_STOPPED] = "would have stopped the vcpu",
};

static void outcome(struct sv_text *text, const struct sv_report *report)
{
	sv_text_string(text, "; ");
	if ((unsigned)report->ending < COUNT(outcomes))
		sv_text_string(text, report->write ? outcomes[report->ending].write
						   : outcomes[report->ending].read);
	if (report->ending == SV_ENDING_COMPLETED && report->accesses) {
		sv_text_string(text, " in ");
		sv_text_decimal(text, report->accesses);
		sv_text_string(text, report->accesses == 1 ? " device access" : " device accesses");
	}
	if (report->ending == SV_ENDING_OBSERVED) {
		sv_text_string(text, " and ");
		sv_text_string(text, NAME(intents, report->would));
	}
	if (report->ending == SV_ENDING_INJECTED ||
	    (report->ending == SV_ENDING_OBSERVED && report->would == SV_ENDING_INJECTED))
		sv_text_string(text, sv_exception_name(report->exception));
	if (report->ending == SV_ENDING_STOPPED && report->action != SV_ACTION_STOP) {
		sv_text_string(text, " with the request to ");
		sv_text_string(text, sv_action_name(report->action));
	}
	if (report->rule) {
		sv_text_string(text, " (rule ");
		sv_text_string(text, report->rule->text);
		sv_text_char(text, ')');
	}
}

/* The reasons that the sentence has told already. */
static bool told(enum sv_reason reason)
{
	return reason == SV_REASON_NONE || reason == SV_REASON_HOLE || reason == SV_REASON_POLICY;
}

size_t sv_report_text(const struct sv_report *report, const struct sv_space *space, char *buffer, size_t size)
{
	struct sv_text text;

	sv_text_begin(&text, buffer, size);
	instruction(&text, report);
	access(&text, report);
	/*
	 * A region or a hole is known only where the address was looked up: with a reason of another kind
	 * nobody did.
	 */
	if (report->region || report->cause == SV_CAUSE_HOLE || report->reason == SV_REASON_HOLE)
		place(&text, report, space);
	node(&text, report);
	if (!told(report->reason)) {
		sv_text_string(&text, "; ");
		sv_text_string(&text, sv_reason_text(report->reason));
		if (report->reason == SV_REASON_WALK_UNSUPPORTED && report->walk_refusal) {
			sv_text_string(&text, ": ");
			sv_text_string(&text, sv_mmu_refusal_text(report->walk_refusal));
		}
		if (report->reason == SV_REASON_KERNEL_REGISTER && kernel_register(report) &&
		    kernel_register(report)->why) {
			sv_text_string(&text, ": ");
			sv_text_string(&text, kernel_register(report)->why);
		}
	}
	outcome(&text, report);
	return sv_text_end(&text);
}
