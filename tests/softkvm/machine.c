/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "machine.h"

static void note_sigbus(void *opaque, int vcpu_fd, int code, void *address, unsigned lsb)
{
	struct machine *machine = opaque;

	assert_int_equal(vcpu_fd, machine->vcpu);
	machine->sigbus_count++;
	machine->sigbus_code = code;
	machine->sigbus_address = address;
	machine->sigbus_lsb = lsb;
}

int machine_ioctl(struct machine *machine, int fd, unsigned long request, void *argument)
{
	return sv_soft_ioctl(machine->soft, fd, request, argument);
}

int machine_enable(struct machine *machine, uint32_t capability)
{
	struct sv_kvm_enable_cap cap = {.cap = capability};

	return machine_ioctl(machine, machine->vm, SV_KVM_ENABLE_CAP, &cap);
}

int machine_run(struct machine *machine)
{
	return machine_ioctl(machine, machine->vcpu, SV_KVM_RUN, NULL);
}

int machine_slot(struct machine *machine, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size,
		 void *host)
{
	struct sv_kvm_userspace_memory_region region = {slot, flags, gpa, size, (uintptr_t)host};

	return machine_ioctl(machine, machine->vm, SV_KVM_SET_USER_MEMORY_REGION, &region);
}

int machine_add_vcpu(struct machine *machine, unsigned id, uint32_t features)
{
	struct sv_kvm_vcpu_init init;
	int fd = machine_ioctl(machine, machine->vm, SV_KVM_CREATE_VCPU, (void *)(uintptr_t)id);

	assert_true(fd >= 0);
	assert_int_equal(machine_ioctl(machine, machine->vm, SV_KVM_ARM_PREFERRED_TARGET, &init), 0);
	init.features[0] |= features | 1u << SV_KVM_ARM_VCPU_PSCI_0_2;
	assert_int_equal(machine_ioctl(machine, fd, SV_KVM_ARM_VCPU_INIT, &init), 0);
	return fd;
}

void machine_open(struct machine *machine, const struct sv_soft_config *config)
{
	struct sv_soft_config own = config ? *config : (struct sv_soft_config){0};

	memset(machine, 0, sizeof(*machine));
	own.sigbus = note_sigbus;
	own.opaque = machine;
	machine->soft = sv_soft_new(&own);
	assert_non_null(machine->soft);
	machine->kvm = sv_soft_open(machine->soft);
	machine->vm = machine_ioctl(machine, machine->kvm, SV_KVM_CREATE_VM, NULL);
	assert_true(machine->kvm >= 0 && machine->vm >= 0);
	machine->ram = aligned_alloc(PAGE, RAM_SIZE);
	assert_non_null(machine->ram);
	memset(machine->ram, 0, RAM_SIZE);
	assert_int_equal(machine_slot(machine, 0, 0, RAM, RAM_SIZE, machine->ram), 0);
	assert_int_equal(
		machine_slot(machine, 1, SV_KVM_MEM_READONLY, ROM, PAGE, machine->ram + RAM_SIZE - PAGE), 0);
	machine->vcpu = machine_add_vcpu(machine, 0, 0);
	machine->run = sv_soft_run_page(machine->soft, machine->vcpu);
	assert_non_null(machine->run);
	machine_set(machine, PC, RAM);
	machine_set(machine, VBAR, RAM + 0x800);
}

void machine_close(struct machine *machine)
{
	sv_soft_free(machine->soft);
	free(machine->ram);
}

uint64_t machine_get(struct machine *machine, uint64_t id)
{
	uint64_t value = 0;
	struct sv_kvm_one_reg reg = {id, (uintptr_t)&value};

	assert_int_equal(machine_ioctl(machine, machine->vcpu, SV_KVM_GET_ONE_REG, &reg), 0);
	return value;
}

void machine_set(struct machine *machine, uint64_t id, uint64_t value)
{
	struct sv_kvm_one_reg reg = {id, (uintptr_t)&value};

	assert_int_equal(machine_ioctl(machine, machine->vcpu, SV_KVM_SET_ONE_REG, &reg), 0);
}
