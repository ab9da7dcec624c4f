/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls by HVC and SMC: PSCI 1.1 (DEN 0022) and the version of the calling convention (arch/arm64/kvm/psci.c). */
#include <string.h>
#include <sys/eventfd.h>

#include "soft.h"

#define NOT_SUPPORTED    (-1)
#define INVALID          (-2)
#define ALREADY_ON       (-4)
#define INTERNAL_FAILURE (-6)

#define CALL_64       UINT32_C(0x40000000) /* SMC64: the same with 64-bit arguments */
#define SMCCC_VERSION UINT32_C(0x80000000)
#define SMCCC_1_1     0x10001
#define PSCI_1_1      0x10001
#define NO_TRUSTED_OS 2 /* MIGRATE_INFO_TYPE: there is none, so none is to be migrated */
#define AFFINITY_OFF  1
#define AFFINITY      UINT64_C(0xff00ffffff) /* of MPIDR_EL1 */

static struct soft_vcpu *by_mpidr(struct soft_vm *vm, uint64_t mpidr)
{
	for (unsigned i = 0; i < atomic_load(&vm->vcpu_count); i++) {
		struct soft_vcpu *vcpu = atomic_load(&vm->vcpus[i]);

		if ((vcpu->cpu->sysreg[SOFT_MPIDR_EL1] & AFFINITY) == mpidr)
			return vcpu;
	}
	return NULL;
}

static int64_t cpu_on(struct soft_vcpu *vcpu, const uint64_t *argument)
{
	struct soft_vcpu *target = by_mpidr(vcpu->vm, argument[0]);
	int64_t result = 0;

	if (argument[0] & ~AFFINITY || !target)
		return INVALID;
	pthread_mutex_lock(&vcpu->vm->psci);
	if (atomic_load(&target->mp_state) != SV_KVM_MP_STATE_STOPPED) {
		result = ALREADY_ON;
	} else {
		target->reset = true;
		target->reset_pc = argument[1];
		target->reset_x0 = argument[2];
		atomic_store(&target->mp_state, SV_KVM_MP_STATE_RUNNABLE);
		eventfd_write(target->wake, 1);
	}
	pthread_mutex_unlock(&vcpu->vm->psci);
	return result;
}

static int64_t cpu_off(struct soft_vcpu *vcpu, const uint64_t *argument)
{
	atomic_store(&vcpu->mp_state, SV_KVM_MP_STATE_STOPPED);
	return 0;
}

/* A suspended vCPU would wait for an interrupt; there is none, and it is free to return at once. */
static int64_t cpu_suspend(struct soft_vcpu *vcpu, const uint64_t *argument)
{
	return 0;
}

static int64_t affinity_info(struct soft_vcpu *vcpu, const uint64_t *argument)
{
	bool found = false;
	uint64_t mask;

	if (argument[1] > 3 || argument[0] & ~AFFINITY)
		return INVALID;
	/* Level n asks for all below Affn; Aff3 begins at bit 32, and between Aff2 and it is none. */
	mask = AFFINITY & ~UINT64_C(0) << 8 * argument[1];
	for (unsigned i = 0; i < atomic_load(&vcpu->vm->vcpu_count); i++) {
		struct soft_vcpu *other = atomic_load(&vcpu->vm->vcpus[i]);

		if ((other->cpu->sysreg[SOFT_MPIDR_EL1] & mask) != (argument[0] & mask))
			continue;
		if (atomic_load(&other->mp_state) != SV_KVM_MP_STATE_STOPPED)
			return 0;
		found = true;
	}
	return found ? AFFINITY_OFF : INVALID;
}

static int64_t version(struct soft_vcpu *vcpu, const uint64_t *argument)
{
	return PSCI_1_1;
}

static int64_t migrate_info_type(struct soft_vcpu *vcpu, const uint64_t *argument)
{
	return NO_TRUSTED_OS;
}

static int64_t smccc_version(struct soft_vcpu *vcpu, const uint64_t *argument)
{
	return SMCCC_1_1;
}

static int64_t features(struct soft_vcpu *vcpu, const uint64_t *argument);

#define RESET_FLAG_PSCI_RESET2 1 /* KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2 */

/* kvm_prepare_system_event: the VM is off, and userspace is told. */
static int64_t system_event(struct soft_vcpu *vcpu, uint32_t type, uint64_t flags)
{
	struct sv_kvm_run *run = vcpu->run;

	for (unsigned i = 0; i < atomic_load(&vcpu->vm->vcpu_count); i++)
		atomic_store(&atomic_load(&vcpu->vm->vcpus[i])->mp_state, SV_KVM_MP_STATE_STOPPED);
	memset(&run->system_event, 0, sizeof(run->system_event));
	run->system_event.type = type;
	run->system_event.ndata = 1;
	run->system_event.data[0] = flags;
	run->exit_reason = SV_KVM_EXIT_SYSTEM_EVENT;
	/* Should userspace run the guest on, it learns that this failed. */
	return INTERNAL_FAILURE;
}

static int64_t system_off(struct soft_vcpu *vcpu, const uint64_t *argument)
{
	return system_event(vcpu, SV_KVM_SYSTEM_EVENT_SHUTDOWN, 0);
}

static int64_t system_reset(struct soft_vcpu *vcpu, const uint64_t *argument)
{
	return system_event(vcpu, SV_KVM_SYSTEM_EVENT_RESET, 0);
}

/* Its types are the VMM's affair, which is told that it was this one. */
static int64_t system_reset2(struct soft_vcpu *vcpu, const uint64_t *argument)
{
	return system_event(vcpu, SV_KVM_SYSTEM_EVENT_RESET, RESET_FLAG_PSCI_RESET2);
}

/* either: there is an SMC64 form too. */
static const struct {
	uint32_t id;
	bool either;
	int64_t (*call)(struct soft_vcpu *vcpu, const uint64_t *argument);
} calls[] = {
	{SMCCC_VERSION, false, smccc_version},
	{0x84000000, false, version},
	{0x84000001, true, cpu_suspend},
	{0x84000002, false, cpu_off},
	{0x84000003, true, cpu_on},
	{0x84000004, true, affinity_info},
	{0x84000006, false, migrate_info_type},
	{0x84000008, false, system_off},
	{0x84000009, false, system_reset},
	{0x8400000a, false, features},
	{0x84000012, true, system_reset2},
};

#define CALLS (sizeof(calls) / sizeof(*calls))

static size_t find(uint32_t id)
{
	size_t i = 0;

	while (i < CALLS && id != calls[i].id && !(calls[i].either && id == (calls[i].id | CALL_64)))
		i++;
	return i;
}

static int64_t features(struct soft_vcpu *vcpu, const uint64_t *argument)
{
	return find((uint32_t)argument[0]) < CALLS ? 0 : NOT_SUPPORTED;
}

int soft_smccc(struct soft_vcpu *vcpu)
{
	uint64_t *x = vcpu->cpu->x, argument[3] = {x[1], x[2], x[3]};
	uint32_t id = (uint32_t)x[0];
	size_t i = find(id);

	/* 32-bit calls have 32-bit arguments. */
	for (unsigned n = 0; !(id & CALL_64) && n < 3; n++)
		argument[n] = (uint32_t)argument[n];
	x[0] = (uint64_t)(i < CALLS ? calls[i].call(vcpu, argument) : NOT_SUPPORTED);
	return vcpu->run->exit_reason != SV_KVM_EXIT_SYSTEM_EVENT;
}
