/* SPDX-License-Identifier: BSD-2-Clause */
/* The in-kernel GICv3 (Documentation/virt/kvm/devices/arm-vgic-v3.rst). */
#include <string.h>

#include "vm.h"

static bool set(struct vmm_vm *vm, uint32_t group, uint64_t attr, const void *value, const char *what,
		struct vmm_error *error)
{
	struct sv_kvm_device_attr request = {.group = group, .attr = attr, .addr = (uintptr_t)value};
	int rc = vmm_ioctl(vm->kernel, vm->gic_fd, SV_KVM_SET_DEVICE_ATTR, &request);

	return rc >= 0 || vmm_fail(error, VMM_UNAVAILABLE, "GICv3 %s: %s", what, strerror(-rc));
}

bool vmm_gic_create(struct vmm_vm *vm, struct vmm_error *error)
{
	struct sv_kvm_create_device device = {.type = SV_KVM_DEV_TYPE_ARM_VGIC_V3};
	int rc = vmm_ioctl(vm->kernel, vm->vm_fd, SV_KVM_CREATE_DEVICE, &device);

	if (rc < 0)
		return vmm_fail(
			error, VMM_UNAVAILABLE,
			"this host's KVM has no GICv3 (%s), which the platform needs; use --backend=lab",
			strerror(-rc));
	vm->gic_fd = (int)device.fd;
	return set(vm, SV_KVM_DEV_ARM_VGIC_GRP_ADDR, SV_KVM_VGIC_V3_ADDR_TYPE_DIST,
		   &vmm_platform[VMM_GIC_DISTRIBUTOR].base, "distributor address", error) &&
	       set(vm, SV_KVM_DEV_ARM_VGIC_GRP_ADDR, SV_KVM_VGIC_V3_ADDR_TYPE_REDIST,
		   &vmm_platform[VMM_GIC_REDISTRIBUTOR].base, "redistributor address", error);
}

bool vmm_gic_init(struct vmm_vm *vm, struct vmm_error *error)
{
	if (!set(vm, SV_KVM_DEV_ARM_VGIC_GRP_CTRL, SV_KVM_DEV_ARM_VGIC_CTRL_INIT, NULL, "initialisation",
		 error))
		return false;
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		vm->redistributors[i] = vm->vcpus[i].mpidr;
	/* Without it the vGIC stays out of reach. */
	if (vm->config->salvage)
		sv_kvm_vgic_init(&vm->vgic, &vm->kernel->backend, vm->gic_fd, vm->redistributors,
				 vm->vcpu_count);
	return true;
}

bool vmm_gic_access(struct vmm_vcpu *vcpu, struct sv_access *access)
{
	enum sv_status status;

	vmm_pause_begin(vcpu);
	status = sv_kvm_vgic_access(&vcpu->vm->vgic, access);
	vmm_pause_end(vcpu);
	if (status == SV_OK)
		vmm_events_mmio(vcpu->vm->config->events, vcpu->index, access->region->name, access->ipa,
				access->size, access->write, access->data);
	return status == SV_OK;
}

void vmm_gic_line(struct vmm_vm *vm, unsigned spi, bool level)
{
	struct sv_kvm_irq_level line = {
		.irq = SV_KVM_ARM_IRQ_TYPE_SPI << SV_KVM_ARM_IRQ_TYPE_SHIFT | (VMM_SPI_BASE + spi),
		.level = level,
	};

	vmm_ioctl(vm->kernel, vm->vm_fd, SV_KVM_IRQ_LINE, &line);
}
