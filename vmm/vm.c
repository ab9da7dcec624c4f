/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "vm.h"

/*
 * The IPA space of a VM whose type is 0. Smaller CPUs must be told a smaller one
 * (Documentation/virt/kvm/api.rst).
 */
#define IPA_BITS_DEFAULT 40

static int extension(struct vmm_vm *vm, int fd, unsigned capability)
{
	return vmm_ioctl_number(vm->kernel, fd, SV_KVM_CHECK_EXTENSION, capability);
}

static bool open_kvm(struct vmm_vm *vm, struct vmm_error *error)
{
	int rc;

	vm->kvm_fd = vm->kernel->open(vm->kernel->backend.opaque, error);
	if (vm->kvm_fd < 0)
		return false;
	rc = vmm_ioctl_number(vm->kernel, vm->kvm_fd, SV_KVM_GET_API_VERSION, 0);
	if (rc != SV_KVM_API_VERSION)
		return vmm_fail(error, VMM_UNAVAILABLE, "KVM_GET_API_VERSION: %d, expected %d", rc,
				SV_KVM_API_VERSION);
	rc = vmm_ioctl_number(vm->kernel, vm->kvm_fd, SV_KVM_GET_VCPU_MMAP_SIZE, 0);
	if (rc < (int)sizeof(struct sv_kvm_run))
		return vmm_fail(error, VMM_UNAVAILABLE, "KVM_GET_VCPU_MMAP_SIZE: %d bytes are too few", rc);
	vm->run_size = (size_t)rc;
	return true;
}

static bool create_vm(struct vmm_vm *vm, struct vmm_error *error)
{
	int bits = extension(vm, vm->kvm_fd, SV_KVM_CAP_ARM_VM_IPA_SIZE);
	unsigned long type = bits > 0 && bits < IPA_BITS_DEFAULT ? (unsigned long)bits : 0;

	if (!type)
		bits = IPA_BITS_DEFAULT;
	if (vm->config->memory > (UINT64_C(1) << bits) - VMM_RAM_BASE)
		return vmm_fail(error, VMM_USAGE,
				"--mem=0x%" PRIx64 ": more than the guest's %d-bit physical addresses reach",
				vm->config->memory, bits);
	vm->vm_fd = vmm_ioctl_number(vm->kernel, vm->kvm_fd, SV_KVM_CREATE_VM, type);
	if (vm->vm_fd < 0)
		return vmm_fail(error, VMM_UNAVAILABLE, "KVM_CREATE_VM: %s", strerror(-vm->vm_fd));
	return true;
}

/*
 * What the CPU has and KVM gives only to those who ask. Pointer authentication comes whole or not at all
 * (Documentation/virt/kvm/api.rst, KVM_ARM_VCPU_INIT).
 */
static void take_features(struct vmm_vm *vm)
{
	struct sv_kvm_enable_cap mte = {.cap = SV_KVM_CAP_ARM_MTE};

	if (extension(vm, vm->vm_fd, SV_KVM_CAP_ARM_SVE) > 0)
		vm->features |= 1u << SV_KVM_ARM_VCPU_SVE;
	if (extension(vm, vm->vm_fd, SV_KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0 &&
	    extension(vm, vm->vm_fd, SV_KVM_CAP_ARM_PTRAUTH_GENERIC) > 0)
		vm->features |= 1u << SV_KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1u << SV_KVM_ARM_VCPU_PTRAUTH_GENERIC;
	/* Without it the guest has no FEAT_MTE, which is all that a failure means. */
	if (extension(vm, vm->vm_fd, SV_KVM_CAP_ARM_MTE) > 0)
		vmm_ioctl(vm->kernel, vm->vm_fd, SV_KVM_ENABLE_CAP, &mte);
}

/* The kernel's offers: those the platform cannot do without, and those salvage turns on. */
static bool take_capabilities(struct vmm_vm *vm, struct vmm_error *error)
{
	static const struct {
		unsigned capability;
		bool aarch32;
		const char *why;
	} needed[] = {
		{SV_KVM_CAP_ARM_PSCI_0_2, false, "the kernel has no KVM_CAP_ARM_PSCI_0_2"},
		{SV_KVM_CAP_ARM_EL1_32BIT, true,
		 "--aarch32: this CPU has no AArch32 state at EL1 (KVM_CAP_ARM_EL1_32BIT)"},
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if ((vm->config->aarch32 || !needed[i].aarch32) &&
		    extension(vm, vm->vm_fd, needed[i].capability) <= 0)
			return vmm_fail(error, VMM_UNAVAILABLE, "%s", needed[i].why);
	vm->inject = extension(vm, vm->vm_fd, SV_KVM_CAP_ARM_INJECT_EXT_DABT) > 0;
	if (!vm->config->aarch32)
		take_features(vm);
	if (vm->config->salvage)
		vm->capabilities = sv_kvm_enable(&vm->kernel->backend, vm->vm_fd, SV_KVM_NISV | SV_KVM_SEA);
	return true;
}

static bool add_ram(struct vmm_vm *vm, struct vmm_error *error)
{
	uint64_t size = vm->config->memory;
	struct sv_kvm_userspace_memory_region slot = {.guest_phys_addr = VMM_RAM_BASE, .memory_size = size};
	void *ram =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int rc;

	if (ram == MAP_FAILED)
		return vmm_fail(error, VMM_USAGE, "--mem=0x%" PRIx64 ": %s", size, strerror(errno));
	vm->ram = ram;
	if (!vmm_sea_prepare(vm, error))
		return false;
	slot.userspace_addr = (uintptr_t)ram;
	rc = vmm_ioctl(vm->kernel, vm->vm_fd, SV_KVM_SET_USER_MEMORY_REGION, &slot);
	if (rc < 0)
		return vmm_fail(error, VMM_UNAVAILABLE, "KVM_SET_USER_MEMORY_REGION: %s", strerror(-rc));
	return true;
}

static const struct sv_kernel_map *kernel_map(const struct vmm_vm *vm, unsigned part)
{
	switch (part) {
	case VMM_GIC_DISTRIBUTOR:
		return &vm->vgic.distributor;
	case VMM_GIC_REDISTRIBUTOR:
		return &vm->vgic.redistributors;
	default:
		return NULL;
	}
}

static bool build_space(struct vmm_vm *vm, struct vmm_error *error)
{
	struct sv_region region = {.first = VMM_RAM_BASE,
				   .last = VMM_RAM_BASE + vm->config->memory - 1,
				   .kind = SV_REGION_RAM,
				   .name = "RAM",
				   .host = vm->ram};
	enum sv_status status;

	sv_space_init(&vm->space, vm->regions, sizeof(vm->regions) / sizeof(*vm->regions));
	status = sv_space_add(&vm->space, &region);
	for (unsigned part = 0; part < VMM_PARTS && status == SV_OK; part++) {
		const struct vmm_place *place = &vmm_platform[part];

		region = (struct sv_region){.first = place->base,
					    .last = vmm_place_last(part, vm->config->vcpus),
					    .kind = place->kind,
					    .name = place->name,
					    .sizes = place->sizes,
					    .aligned = place->aligned,
					    .atomics = place->atomics,
					    .kernel = kernel_map(vm, part)};
		status = sv_space_add(&vm->space, &region);
	}
	if (status != SV_OK)
		return vmm_fail(error, VMM_INTERNAL, "the platform's table: %s", sv_status_text(status));
	return true;
}

static void transmit(void *opaque, uint8_t character)
{
	vmm_console_put(opaque, character);
}

static void interrupt(void *opaque, bool level)
{
	vmm_gic_line(opaque, VMM_PL011_SPI, level);
}

static void room(void *opaque)
{
	vmm_console_wake(opaque);
}

static void guest_end(void *opaque, uint8_t status)
{
	vmm_end(opaque, status, VMM_REASON_GUEST);
}

static void attach_devices(struct vmm_vm *vm)
{
	vmm_pl011_init(&vm->uart);
	vm->uart.transmit = transmit;
	vm->uart.interrupt = interrupt;
	vm->uart.room = room;
	vm->uart.opaque = vm;
	vmm_recorder_init(&vm->recorder, VMM_RECORDER);
	vmm_recorder_init(&vm->register_file, VMM_REGISTER_FILE);
	vmm_exit_register_init(&vm->exit_register, guest_end, vm);
	vmm_bus_attach(&vm->bus, &vm->uart.device);
	vmm_bus_attach(&vm->bus, &vm->recorder.device);
	vmm_bus_attach(&vm->bus, &vm->register_file.device);
	vmm_bus_attach(&vm->bus, &vm->exit_register.device);
}

bool vmm_vm_create(struct vmm_vm *vm, struct vmm_error *error)
{
	if (!open_kvm(vm, error) || !create_vm(vm, error) || !take_capabilities(vm, error) ||
	    !add_ram(vm, error) || !build_space(vm, error))
		return false;
	attach_devices(vm);
	return true;
}

void vmm_vm_destroy(struct vmm_vm *vm)
{
	const struct vmm_kernel *kernel = vm->kernel;
	const int fds[] = {vm->gic_fd, vm->vm_fd, vm->kvm_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			kernel->close(kernel->backend.opaque, fds[i]);
	if (vm->ram)
		munmap(vm->ram, vm->config->memory);
}
