/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "wrap-thaw.h"

void wrap_printable(char *text, size_t size)
{
	text[size - 1] = 0;
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* A bool may hold any byte, and is none then (C11, 6.2.6.1): it is not looked at as one before it is. */
static void decide(bool *flag)
{
	unsigned char byte;

	memcpy(&byte, flag, 1);
	*flag = byte != 0;
}

void wrap_thaw(struct shim_message *to, const struct shim_message *from)
{
	struct sv_report *report = &to->report.report;

	memcpy(to, from, sizeof(*to));
	bool *const flags[] = {
		&to->report.has_rule,   &to->report.has_region, &to->report.has_near, &to->answer.durable,
		&report->abort.ldst64b, &report->no_ipa,        &report->has_pc,      &report->has_va,
		&report->has_word,      &report->has_insn,      &report->isv,         &report->write,
		&report->stepped,
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		decide(flags[i]);
	wrap_printable(to->text, sizeof(to->text));
	wrap_printable(to->report.rule.text, sizeof(to->report.rule.text));
	wrap_printable(to->report.region.name, sizeof(to->report.region.name));
	wrap_printable(to->report.near.name, sizeof(to->report.near.name));
}

static struct sv_region region_of(struct shim_place *to, const struct shim_place *from)
{
	*to = *from;
	return (struct sv_region){.first = to->first,
				  .last = to->last,
				  .kind = to->kind,
				  .name = to->name,
				  .sizes = SV_SIZES_ANY};
}

void wrap_thaw_report(struct wrap_report *to, const struct shim_report *from)
{
	struct sv_report *report = &to->report;
	struct sv_region near;

	memcpy(report, &from->report, sizeof(*report));
	report->region = NULL;
	report->rule = NULL;
	report->symbol = report->node = NULL;
	report->node_here = report->node_disabled = false;
	report->has_insn = report->has_insn && report->has_word &&
			   sv_decode(SV_A64, report->word, &report->insn) == SV_OK;
	if (from->has_rule) {
		to->rule = from->rule;
		report->rule = &to->rule;
	}
	if (from->has_region) {
		to->region = region_of(&to->places[0], &from->region);
		report->region = &to->region;
	}
	sv_space_init(&to->space, to->regions, 2);
	if (from->has_near) {
		near = region_of(&to->places[1], &from->near);
		sv_space_add(&to->space, &near);
	}
}
