/* SPDX-License-Identifier: BSD-2-Clause */
/* What the helper is told. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shim.h"

/* Longer than any disk should need; a guest is not kept for a helper that is gone. */
#define DURABLE_MS 5000

static struct shim_place place_of(const struct sv_region *region)
{
	struct shim_place place = {.first = region->first, .last = region->last, .kind = region->kind};

	snprintf(place.name, sizeof(place.name), "%s", region->name);
	return place;
}

static void fill(struct shim_report *to, const struct sv_report *report, const struct sv_space *space)
{
	const struct sv_region *near = NULL;
	uint64_t distance;
	bool after;

	to->report = *report;
	to->has_rule = report->rule;
	if (report->rule)
		to->rule = *report->rule;
	to->has_region = report->region;
	if (report->region)
		to->region = place_of(report->region);
	else if (space)
		near = sv_space_nearest(space, report->ipa, &distance, &after);
	to->has_near = near;
	if (near)
		to->near = place_of(near);
}

void shim_report_abort(struct shim_vcpu *vcpu)
{
	struct shim_message message = {.kind = SHIM_ABORT,
				       .vm = vcpu->vm->number,
				       .vcpu = (int32_t)vcpu->index};

	fill(&message.report, &vcpu->kvm.session.report, vcpu->kvm.session.space);
	shim_channel_put(shim_channel, &message, NULL);
}

void shim_report_error(struct shim_vm *vm, struct shim_vcpu *vcpu, const struct sv_memory_error *error,
		       const struct sv_ras_answer *answer)
{
	struct shim_message message = {.kind = SHIM_ERROR,
				       .vm = vm->number,
				       .vcpu = vcpu ? (int32_t)vcpu->index : -1,
				       .error = *error,
				       .answer = *answer};
	unsigned position;

	if (vcpu)
		fill(&message.report, &vcpu->kvm.session.report, vcpu->kvm.session.space);
	if (!vcpu && answer->rule) {
		message.report.has_rule = true;
		message.report.rule = *answer->rule;
	}
	/* On disk before the guest runs on; repeats are counted by and by. */
	if (shim_channel_put(shim_channel, &message, &position) && answer->sighting != SV_RAS_REPEAT)
		shim_channel_wait(shim_channel, position, DURABLE_MS);
}

void shim_notice(struct shim_vm *vm, const char *format, ...)
{
	struct shim_message message = {.kind = SHIM_NOTICE, .vm = vm ? vm->number : 0, .vcpu = -1};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message.text, sizeof(message.text), format, arguments);
	va_end(arguments);
	shim_channel_put(shim_channel, &message, NULL);
}
