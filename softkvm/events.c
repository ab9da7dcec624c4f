/* SPDX-License-Identifier: BSD-2-Clause */
/* KVM_GET_VCPU_EVENTS and KVM_SET_VCPU_EVENTS (arch/arm64/kvm/guest.c). */
#include <errno.h>
#include <string.h>

#include "soft.h"

#define ISS_MASK UINT64_C(0x1ffffff)

int soft_get_events(struct soft_object *object, void *argument)
{
	const struct soft_vcpu *vcpu = (const struct soft_vcpu *)object;
	struct sv_kvm_vcpu_events *events = argument;

	if (!vcpu->initialised)
		return -ENOEXEC;
	/* An external abort is never pending: it was delivered when it was set. */
	memset(events, 0, sizeof(*events));
	events->exception.serror_pending = vcpu->cpu->serror_pending;
	events->exception.serror_has_esr = !object->soft->config.no_ras;
	if (vcpu->cpu->serror_pending && events->exception.serror_has_esr)
		events->exception.serror_esr = vcpu->cpu->serror_iss;
	return 0;
}

/* Before anything is done. */
static int check(const struct soft_vcpu *vcpu, const struct sv_kvm_vcpu_events *events)
{
	bool ext_iabt = vcpu->object.soft->config.ext_iabt;

	if (!vcpu->initialised)
		return -ENOEXEC;
	for (size_t i = 0; i < sizeof(events->reserved) / sizeof(*events->reserved); i++)
		if (events->reserved[i])
			return -EINVAL;
	for (size_t i = 0; i < sizeof(events->exception.pad); i++)
		if (events->exception.pad[i])
			return -EINVAL;
	if (events->exception.ext_iabt_pending && (!ext_iabt || events->exception.ext_dabt_pending))
		return -EINVAL;
	return 0;
}

static void set_abort(struct soft_vcpu *vcpu, const struct sv_kvm_vcpu_events *events)
{
	if (!events->exception.ext_dabt_pending && !events->exception.ext_iabt_pending)
		return;
	soft_inject_sea(vcpu, events->exception.ext_iabt_pending, vcpu->fault.far);
	soft_commit_events(vcpu);
}

static int set_serror(struct soft_vcpu *vcpu, const struct sv_kvm_vcpu_events *events)
{
	bool has_esr = events->exception.serror_has_esr;
	uint64_t esr = events->exception.serror_esr;

	if (!events->exception.serror_pending)
		return 0;
	if (has_esr && (vcpu->object.soft->config.no_ras || esr & ~ISS_MASK))
		return -EINVAL;
	soft_inject_serror(vcpu, has_esr ? esr : SOFT_SERROR_IDS);
	soft_commit_events(vcpu);
	return 0;
}

int soft_set_events(struct soft_object *object, void *argument)
{
	struct soft_vcpu *vcpu = (struct soft_vcpu *)object;
	int rc = check(vcpu, argument);

	if (rc)
		return rc;
	/* From 6.17 on the abort comes first, and stays even if the SError is refused. */
	if (object->soft->config.kernel == SV_SOFT_LINUX_7_1) {
		set_abort(vcpu, argument);
		return set_serror(vcpu, argument);
	}
	rc = set_serror(vcpu, argument);
	if (!rc)
		set_abort(vcpu, argument);
	return rc;
}
