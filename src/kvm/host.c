/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host's CPU says of itself and KVM has no register id for. */
#include "vcpu.h"

/*
 * KVM neither traps nor changes DCZID_EL0 (arch/arm64/kvm/sys_regs.c does not know it): the guest's DC ZVA
 * zeroes what the host's does, and user space may read how much.
 */
enum sv_status sv_host_dczid(uint64_t *value)
{
#ifdef __aarch64__
	__asm__("mrs %0, dczid_el0" : "=r"(*value));
	return SV_OK;
#else
	return SV_REGISTER;
#endif
}
