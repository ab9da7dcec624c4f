/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "vm.h"

#define MPIDR_EL1      SV_KVM_SYSREG(3, 0, 0, 0, 5)
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

/* Interrupts KVM_RUN and blocking output. It carries no news: immediate_exit, ended and the pause do. */
#define KICK SIGUSR1

/*
 * How long to wait before kicking again: a kick between a check and a blocking call is lost, the next one is
 * not.
 */
#define KICK_AGAIN 10000000

static bool init(struct vmm_vcpu *vcpu, struct vmm_error *error)
{
	struct vmm_vm *vm = vcpu->vm;
	struct sv_kvm_vcpu_init init;
	int rc = vmm_ioctl(vm->kernel, vm->vm_fd, SV_KVM_ARM_PREFERRED_TARGET, &init);

	if (rc < 0)
		return vmm_fail(error, VMM_UNAVAILABLE, "KVM_ARM_PREFERRED_TARGET: %s", strerror(-rc));
	init.features[0] |= 1u << SV_KVM_ARM_VCPU_PSCI_0_2;
	if (vcpu->index)
		init.features[0] |= 1u << SV_KVM_ARM_VCPU_POWER_OFF;
	if (vm->config->aarch32)
		init.features[0] |= 1u << SV_KVM_ARM_VCPU_EL1_32BIT;
	else
		init.features[0] |= vm->features;
	rc = vmm_ioctl(vm->kernel, vcpu->fd, SV_KVM_ARM_VCPU_INIT, &init);
	if (rc < 0)
		return vmm_fail(error, VMM_UNAVAILABLE, "KVM_ARM_VCPU_INIT: %s", strerror(-rc));
	if (init.features[0] >> SV_KVM_ARM_VCPU_SVE & 1) {
		int feature = SV_KVM_ARM_VCPU_SVE;

		rc = vmm_ioctl(vm->kernel, vcpu->fd, SV_KVM_ARM_VCPU_FINALIZE, &feature);
		if (rc < 0)
			return vmm_fail(error, VMM_UNAVAILABLE, "KVM_ARM_VCPU_FINALIZE: %s", strerror(-rc));
	}
	if (sv_kvm_vcpu_init(&vcpu->salvage, &vm->kernel->backend, vcpu->fd, (struct kvm_run *)vcpu->run,
			     init.features[0]) != SV_OK)
		return vmm_fail(error, VMM_UNAVAILABLE, "vcpu %u: its ID registers cannot be read",
				vcpu->index);
	vcpu->salvage.index = vcpu->index;
	vcpu->salvage.poison = vm->poison;
	return true;
}

bool vmm_vcpu_create(struct vmm_vcpu *vcpu, struct vmm_vm *vm, unsigned index, struct vmm_error *error)
{
	struct sv_kvm_one_reg reg = {.id = MPIDR_EL1, .addr = (uintptr_t)&vcpu->mpidr};
	int rc;

	*vcpu = (struct vmm_vcpu){.vm = vm, .index = index};
	vcpu->fd = vmm_ioctl_number(vm->kernel, vm->vm_fd, SV_KVM_CREATE_VCPU, index);
	if (vcpu->fd < 0)
		return vmm_fail(error, VMM_UNAVAILABLE, "KVM_CREATE_VCPU for vcpu %u of --smp=%u: %s", index,
				vm->config->vcpus, strerror(-vcpu->fd));
	vcpu->run = vm->kernel->map(vm->kernel->backend.opaque, vcpu->fd, vm->run_size);
	if (!vcpu->run)
		return vmm_fail(error, VMM_UNAVAILABLE, "mapping vcpu %u: %s", index, strerror(errno));
	if (!init(vcpu, error))
		return false;
	rc = vmm_ioctl(vm->kernel, vcpu->fd, SV_KVM_GET_ONE_REG, &reg);
	if (rc < 0)
		return vmm_fail(error, VMM_UNAVAILABLE, "MPIDR_EL1 of vcpu %u: %s", index, strerror(-rc));
	vcpu->mpidr &= MPIDR_AFFINITY;
	return true;
}

/*
 * The boot protocols: x0 = device tree; in AArch32 state r0 = 0, r1 = all ones, r2 = device tree. KVM has
 * reset all else: EL1h or SVC, interrupts masked, MMU off. Only the first vCPU: the others come up by PSCI.
 */
bool vmm_vcpu_reset(struct vmm_vcpu *vcpu, struct vmm_error *error)
{
	const struct vmm_guest *guest = &vcpu->vm->guest;
	bool aarch32 = vcpu->vm->config->aarch32;
	const struct {
		enum sv_reg reg;
		uint64_t value;
	} state[] = {
		{SV_PC, guest->entry},
		{SV_X0, aarch32 ? 0 : guest->dtb},
		{SV_X0 + 1, aarch32 ? UINT32_MAX : 0},
		{SV_X0 + 2, aarch32 ? guest->dtb : 0},
		{SV_X0 + 3, 0},
	};

	for (size_t i = 0; i < sizeof(state) / sizeof(*state); i++)
		if (sv_kvm_set(&vcpu->salvage, state[i].reg, state[i].value) != SV_OK)
			return vmm_fail(error, VMM_UNAVAILABLE, "the first vcpu's registers cannot be set");
	return true;
}

static void *run(void *opaque)
{
	struct vmm_vcpu *vcpu = opaque;
	struct vmm_vm *vm = vcpu->vm;

	vmm_pause_enter(vcpu);
	while (vmm_pause_point(vcpu), !atomic_load(&vm->ended)) {
		int rc = sv_kvm_run(&vcpu->salvage);

		if (vmm_memory_errors(vcpu, rc))
			continue;
		if (rc >= 0)
			vmm_exit_handle(vcpu);
		else if (rc != -EINTR && rc != -EAGAIN)
			vmm_exit_failed(vcpu, -rc);
	}
	vmm_pause_leave(vcpu);
	return NULL;
}

static void kicked(int signal)
{
}

bool vmm_vcpu_start(struct vmm_vcpu *vcpu, struct vmm_error *error)
{
	struct sigaction action = {.sa_handler = kicked};
	int rc;

	sigaction(KICK, &action, NULL);
	/* Whoever kicks it finds the thread's name written. */
	pthread_mutex_lock(&vcpu->vm->pause.lock);
	rc = pthread_create(&vcpu->thread, NULL, run, vcpu);
	pthread_mutex_unlock(&vcpu->vm->pause.lock);
	if (rc)
		return vmm_fail(error, VMM_INTERNAL, "a thread for vcpu %u: %s", vcpu->index, strerror(rc));
	vcpu->started = true;
	return true;
}

/*
 * immediate_exit makes the next KVM_RUN return at once, the signal the present one: between them no wake-up
 * is lost.
 */
void vmm_vcpu_kick(struct vmm_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(vcpu->thread, KICK);
}

void vmm_vcpu_kick_again(struct timespec *until)
{
	clock_gettime(CLOCK_REALTIME, until);
	until->tv_nsec += KICK_AGAIN;
	if (until->tv_nsec >= 1000000000) {
		until->tv_nsec -= 1000000000;
		until->tv_sec++;
	}
}

void vmm_vcpu_stop(struct vmm_vcpu *vcpu)
{
	struct timespec until;

	if (!vcpu->started)
		return;
	do {
		vmm_vcpu_kick(vcpu);
		vmm_vcpu_kick_again(&until);
	} while (pthread_timedjoin_np(vcpu->thread, NULL, &until) == ETIMEDOUT);
	vcpu->started = false;
}

void vmm_vcpu_destroy(struct vmm_vcpu *vcpu)
{
	const struct vmm_kernel *kernel = vcpu->vm ? vcpu->vm->kernel : NULL;

	if (!kernel)
		return;
	if (vcpu->run)
		kernel->unmap(kernel->backend.opaque, vcpu->run, vcpu->vm->run_size);
	if (vcpu->fd >= 0)
		kernel->close(kernel->backend.opaque, vcpu->fd);
}
