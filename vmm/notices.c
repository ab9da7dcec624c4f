/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "notices.h"

void vmm_notices_init(struct vmm_notices *notices)
{
	*notices = (struct vmm_notices){0};
	pthread_mutex_init(&notices->lock, NULL);
}

static struct vmm_notice kind_of(const struct sv_report *report)
{
	struct vmm_notice kind = {.cause = report->cause, .reason = report->reason, .ending = report->ending};

	if (report->node && report->node_here)
		snprintf(kind.node, sizeof(kind.node), "%s", report->node);
	return kind;
}

static bool same(const struct vmm_notice *a, const struct vmm_notice *b)
{
	return a->cause == b->cause && a->reason == b->reason && a->ending == b->ending &&
	       !strcmp(a->node, b->node);
}

static bool add(struct vmm_notices *notices, const struct vmm_notice *kind)
{
	for (unsigned i = 0; i < notices->count; i++)
		if (same(&notices->told[i], kind))
			return false;
	if (notices->count == VMM_NOTICES) {
		notices->untold++;
		return false;
	}
	notices->told[notices->count++] = *kind;
	return true;
}

bool vmm_notices_new(struct vmm_notices *notices, const struct sv_report *report)
{
	struct vmm_notice kind = kind_of(report);
	bool new;

	pthread_mutex_lock(&notices->lock);
	new = add(notices, &kind);
	pthread_mutex_unlock(&notices->lock);
	return new;
}
