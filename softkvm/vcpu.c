/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU's life (arch/arm64/kvm/arm.c, reset.c), and what decides over its running. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "soft.h"

#define MPIDR_RES1 (UINT64_C(1) << 31)
#define FEATURES   (1u << SV_KVM_ARM_VCPU_POWER_OFF | 1u << SV_KVM_ARM_VCPU_PSCI_0_2)
#define TARGET     5 /* KVM_ARM_TARGET_GENERIC_V8 */

uint64_t soft_vcpu_reg(const struct soft_vcpu *vcpu, unsigned n)
{
	return n < 31 ? vcpu->cpu->x[n] : 0;
}

void soft_vcpu_set_reg(struct soft_vcpu *vcpu, unsigned n, uint64_t value)
{
	if (n < 31)
		vcpu->cpu->x[n] = value;
}

/* arch/arm64/kvm/sys_regs.c, reset_mpidr: 16 vCPUs share Aff1, for the sake of the GIC's SGIs. */
static uint64_t mpidr_of(unsigned id)
{
	return MPIDR_RES1 | (id & 0xf) | (uint64_t)(id >> 4 & 0xff) << 8 | (uint64_t)(id >> 12 & 0xff) << 16;
}

static void read_features(struct soft_vcpu *vcpu)
{
	const uint64_t *reg = vcpu->cpu->sysreg;
	const struct sv_mmu_id id = {.aa64mmfr0 = reg[SOFT_ID_AA64MMFR0_EL1],
				     .aa64mmfr1 = reg[SOFT_ID_AA64MMFR1_EL1],
				     .aa64mmfr2 = reg[SOFT_ID_AA64MMFR2_EL1],
				     .aa64mmfr3 = reg[SOFT_ID_AA64MMFR3_EL1],
				     .aa64pfr1 = reg[SOFT_ID_AA64PFR1_EL1],
				     .aa64isar1 = reg[SOFT_ID_AA64ISAR1_EL1],
				     .aa64isar2 = reg[SOFT_ID_AA64ISAR2_EL1]};

	vcpu->mmu_features = sv_mmu_features(&id);
	/* What else an exception's entry depends on, the model has not (registers.h). */
	vcpu->except_features = 0;
	if (id.aa64mmfr1 >> 20 & 0xf)
		vcpu->except_features |= SV_EXCEPT_PAN;
	if (reg[SOFT_ID_AA64PFR0_EL1] >> 28 & 0xf)
		vcpu->except_features |= SV_EXCEPT_RAS;
}

void soft_vcpu_reset(struct soft_vcpu *vcpu)
{
	soft_cpu_reset(vcpu->cpu, mpidr_of(vcpu->id));
	read_features(vcpu);
	vcpu->pending = vcpu->increment_pc = vcpu->step_pending = false;
}

void soft_vcpu_free(struct soft_vcpu *vcpu)
{
	if (!vcpu)
		return;
	soft_cpu_destroy(vcpu->cpu);
	free(vcpu->run);
	if (vcpu->wake >= 0)
		close(vcpu->wake);
	pthread_mutex_destroy(&vcpu->lock);
	free(vcpu);
}

static struct soft_vcpu *new_vcpu(struct soft_vm *vm, unsigned id)
{
	struct soft_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	pthread_mutexattr_t attributes;

	if (!vcpu)
		return NULL;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&vcpu->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->bus = (struct soft_bus){soft_memory_page, vcpu, &vm->generation};
	vcpu->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vcpu->run = calloc(1, SOFT_RUN_SIZE);
	vcpu->cpu = soft_cpu_create();
	if (vcpu->run && vcpu->cpu && vcpu->wake >= 0)
		return vcpu;
	soft_vcpu_free(vcpu);
	return NULL;
}

/* With the VM's lock held. */
static int add_vcpu(struct soft_vm *vm, unsigned id)
{
	unsigned count = atomic_load(&vm->vcpu_count);
	struct soft_vcpu *vcpu;
	int fd;

	for (unsigned i = 0; i < count; i++)
		if (vm->vcpus[i]->id == id)
			return -EEXIST;
	if (vm->vgic && soft_vgic_initialised(vm->vgic))
		return -EBUSY;
	vcpu = new_vcpu(vm, id);
	if (!vcpu)
		return -ENOMEM;
	fd = soft_object_add(vm->object.soft, &vcpu->object, SOFT_KIND_VCPU);
	if (fd < 0) {
		soft_vcpu_free(vcpu);
		return fd;
	}
	pthread_mutex_lock(&vm->object.soft->lock);
	vm->references++;
	pthread_mutex_unlock(&vm->object.soft->lock);
	atomic_store(&vm->vcpus[count], vcpu);
	atomic_store(&vm->vcpu_count, count + 1);
	return fd;
}

int soft_create_vcpu(struct soft_object *object, void *argument)
{
	struct soft_vm *vm = (struct soft_vm *)object;
	uintptr_t id = (uintptr_t)argument;
	int fd;

	if (id >= SOFT_VCPUS)
		return -EINVAL;
	pthread_rwlock_wrlock(&vm->lock);
	fd = add_vcpu(vm, (unsigned)id);
	pthread_rwlock_unlock(&vm->lock);
	return fd;
}

void *sv_soft_run_page(struct sv_soft *soft, int vcpu_fd)
{
	struct soft_vcpu *vcpu = (struct soft_vcpu *)soft_object(soft, vcpu_fd, SOFT_KIND_VCPU);

	return vcpu ? vcpu->run : NULL;
}

uint64_t sv_soft_instructions(struct sv_soft *soft, int vcpu_fd)
{
	struct soft_vcpu *vcpu = (struct soft_vcpu *)soft_object(soft, vcpu_fd, SOFT_KIND_VCPU);

	return vcpu ? vcpu->cpu->retired : 0;
}

/* kvm_vcpu_set_target, kvm_arch_vcpu_ioctl_vcpu_init. */
static int vcpu_init(struct soft_object *object, void *argument)
{
	const struct sv_kvm_vcpu_init *init = argument;
	struct soft_vcpu *vcpu = (struct soft_vcpu *)object;

	for (unsigned i = 1; i < sizeof(init->features) / sizeof(*init->features); i++)
		if (init->features[i])
			return -ENOENT;
	if (init->target != TARGET || init->features[0] & ~FEATURES)
		return -EINVAL;
	if (vcpu->initialised && (vcpu->features ^ init->features[0]) & ~(1u << SV_KVM_ARM_VCPU_POWER_OFF))
		return -EINVAL;
	soft_vcpu_reset(vcpu);
	vcpu->features = init->features[0];
	vcpu->mmio_needed = false;
	atomic_store(&vcpu->mp_state, init->features[0] >> SV_KVM_ARM_VCPU_POWER_OFF & 1
					      ? SV_KVM_MP_STATE_STOPPED
					      : SV_KVM_MP_STATE_RUNNABLE);
	vcpu->initialised = true;
	return 0;
}

static int finalize(struct soft_object *object, void *argument)
{
	return -EINVAL;
}

static int get_mp_state(struct soft_object *object, void *argument)
{
	((struct sv_kvm_mp_state *)argument)->mp_state = atomic_load(&((struct soft_vcpu *)object)->mp_state);
	return 0;
}

static int set_mp_state(struct soft_object *object, void *argument)
{
	uint32_t state = ((const struct sv_kvm_mp_state *)argument)->mp_state;
	struct soft_vcpu *vcpu = (struct soft_vcpu *)object;

	if (state != SV_KVM_MP_STATE_RUNNABLE && state != SV_KVM_MP_STATE_STOPPED)
		return -EINVAL;
	atomic_store(&vcpu->mp_state, state);
	return 0;
}

static int set_guest_debug(struct soft_object *object, void *argument)
{
	const struct sv_kvm_guest_debug *debug = argument;
	struct soft_vcpu *vcpu = (struct soft_vcpu *)object;

	/* The model has neither breakpoints nor watchpoints. */
	if (debug->control & ~(SV_KVM_GUESTDBG_ENABLE | SV_KVM_GUESTDBG_SINGLESTEP))
		return -EINVAL;
	vcpu->debug = debug->control & SV_KVM_GUESTDBG_ENABLE ? debug->control : 0;
	vcpu->step_pending = false;
	return 0;
}

const struct soft_request soft_vcpu_requests[] = {
	{SV_KVM_RUN, soft_run},
	{SV_KVM_GET_ONE_REG, soft_get_one_reg},
	{SV_KVM_SET_ONE_REG, soft_set_one_reg},
	{SV_KVM_GET_VCPU_EVENTS, soft_get_events},
	{SV_KVM_SET_VCPU_EVENTS, soft_set_events},
	{SV_KVM_ARM_VCPU_INIT, vcpu_init},
	{SV_KVM_ARM_VCPU_FINALIZE, finalize},
	{SV_KVM_GET_REG_LIST, soft_get_reg_list},
	{SV_KVM_GET_MP_STATE, get_mp_state},
	{SV_KVM_SET_MP_STATE, set_mp_state},
	{SV_KVM_SET_GUEST_DEBUG, set_guest_debug},
	{0, NULL},
};

int sv_soft_schedule(struct sv_soft *soft, int vm_fd, uint64_t seed, unsigned most)
{
	struct soft_vm *vm = (struct soft_vm *)soft_object(soft, vm_fd, SOFT_KIND_VM);

	if (!vm)
		return -EBADF;
	vm->random = seed;
	atomic_store(&vm->most, most);
	return 0;
}

/* splitmix64: any seed is good. */
static uint64_t next_random(struct soft_vm *vm)
{
	uint64_t z = vm->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

int sv_soft_next(struct sv_soft *soft, int vm_fd)
{
	struct soft_vm *vm = (struct soft_vm *)soft_object(soft, vm_fd, SOFT_KIND_VM);
	struct soft_vcpu *ready[SOFT_VCPUS];
	unsigned count = 0, most;

	if (!vm)
		return -EBADF;
	for (unsigned i = 0; i < atomic_load(&vm->vcpu_count); i++) {
		struct soft_vcpu *vcpu = atomic_load(&vm->vcpus[i]);

		if (vcpu->initialised && atomic_load(&vcpu->mp_state) == SV_KVM_MP_STATE_RUNNABLE)
			ready[count++] = vcpu;
	}
	most = atomic_load(&vm->most);
	if (!count || !most)
		return -EAGAIN;
	ready[0] = ready[next_random(vm) % count];
	ready[0]->turn = 1 + next_random(vm) % most;
	return ready[0]->object.fd;
}
