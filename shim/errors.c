/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory errors, as docs/memory-errors.md has them. A VMM that asked for KVM_EXIT_ARM_SEA gets it, and what is
 * in it is on record.
 */
#include <errno.h>

#include "shim.h"

static void record(struct shim_vm *vm, const struct sv_memory_error *error, struct sv_ras_answer *answer)
{
	if (sv_ras_record(vm->ras, error, answer) != SV_OK)
		*answer = (struct sv_ras_answer){.sighting = SV_RAS_REPEAT};
}

/* What KVM_RUN says where a VMM without salvage would have ended by it. */
static int stop(struct shim_vcpu *vcpu, int rc, int error)
{
	return rc ? shim_stop(vcpu, rc, error) : shim_stop(vcpu, -1, EFAULT);
}

enum shim_after shim_errors(struct shim_vcpu *vcpu, int *rc)
{
	struct shim_vm *vm = vcpu->vm;
	enum shim_after result = SHIM_ORDINARY;
	int error = *rc ? errno : 0;
	struct sv_kvm_error met;
	bool sea = !*rc && atomic_load(&vcpu->run)->exit_reason == SV_KVM_EXIT_ARM_SEA;

	if (!vm->ras)
		return SHIM_ORDINARY;
	for (;;) {
		struct sv_ras_answer answer;
		enum sv_verdict verdict;

		shim_space_pin(vcpu, shim_space_enter(vcpu));
		if (!sv_kvm_error(&vcpu->kvm, -error, &vcpu->pinned->space, &met))
			break;
		record(vm, &met.record, &answer);
		if (sea && vm->own_sea) {
			vcpu->kvm.session.report.ending = SV_ENDING_RETRIED;
			verdict = SV_VERDICT_RESUME;
		} else {
			verdict = sv_kvm_answer(&vcpu->kvm, &shim_policy, &met, &answer);
		}
		shim_space_leave(vcpu);
		shim_report_error(vm, vcpu, &met.record, &answer);
		shim_space_unpin(vcpu);
		if (verdict == SV_VERDICT_STOP) {
			*rc = stop(vcpu, *rc, error);
			return SHIM_RETURN;
		}
		if (met.failed || (sea && !vm->own_sea))
			result = SHIM_AGAIN;
	}
	shim_space_leave(vcpu);
	shim_space_unpin(vcpu);
	errno = error;
	return result;
}

void shim_warnings(struct shim_vm *vm)
{
	struct sv_memory_error error;
	struct sv_ras_answer answer;
	bool more;

	/* Others' warnings stay for them; what comes while we look is looked at next time. */
	atomic_store(&vm->warned, sv_kvm_warned());
	do {
		pthread_mutex_lock(&vm->lock);
		more = vm->ras && sv_kvm_warning(&atomic_load(&vm->space)->space, &error);
		pthread_mutex_unlock(&vm->lock);
		if (!more)
			return;
		record(vm, &error, &answer);
		shim_report_error(vm, NULL, &error, &answer);
	} while (more);
}
