/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/kvm.h>

#include "uapi.h"

/* KVM_ENABLE_CAP tells more than KVM_CHECK_EXTENSION: a VM may have it and refuse (protected VMs). */
static bool enable(const struct sv_kvm_backend *backend, int vm_fd, uint32_t capability)
{
	struct sv_kvm_enable_cap cap = {.cap = capability};

	return !backend->ioctl(backend->opaque, vm_fd, SV_KVM_ENABLE_CAP, &cap);
}

unsigned sv_kvm_enable(const struct sv_kvm_backend *backend, int vm_fd, unsigned wanted)
{
	unsigned capabilities = 0;

	if (wanted & SV_KVM_NISV && enable(backend, vm_fd, SV_KVM_CAP_ARM_NISV_TO_USER))
		capabilities |= SV_KVM_NISV;
	if (wanted & SV_KVM_SEA && enable(backend, vm_fd, SV_KVM_CAP_ARM_SEA_TO_USER))
		capabilities |= SV_KVM_SEA;
	if (backend->ioctl(backend->opaque, vm_fd, SV_KVM_CHECK_EXTENSION,
			   (void *)(uintptr_t)SV_KVM_CAP_ARM_INJECT_EXT_DABT) > 0)
		capabilities |= SV_KVM_INJECT;
	return capabilities;
}
