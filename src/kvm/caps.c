/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/kvm.h>

#include "uapi.h"

unsigned sv_kvm_enable(const struct sv_kvm_backend *backend, int vm_fd)
{
	struct sv_kvm_enable_cap nisv = {.cap = SV_KVM_CAP_ARM_NISV_TO_USER};
	unsigned capabilities = 0;

	/* KVM_ENABLE_CAP tells more than KVM_CHECK_EXTENSION: a VM may have it and refuse (protected VMs). */
	if (!backend->ioctl(backend->opaque, vm_fd, SV_KVM_ENABLE_CAP, &nisv))
		capabilities |= SV_KVM_NISV;
	if (backend->ioctl(backend->opaque, vm_fd, SV_KVM_CHECK_EXTENSION,
			   (void *)(uintptr_t)SV_KVM_CAP_ARM_INJECT_EXT_DABT) > 0)
		capabilities |= SV_KVM_INJECT;
	if (backend->ioctl(backend->opaque, vm_fd, SV_KVM_CHECK_EXTENSION,
			   (void *)(uintptr_t)SV_KVM_CAP_ARM_SEA_TO_USER) > 0)
		capabilities |= SV_KVM_SEA;
	return capabilities;
}
