/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VMM's abort handling under test, on any host: a guest executes str w1, [x0], #4 on an address with no
 * memory behind it, and KVM_EXIT_ARM_NISV is what its VMM must deal with. On an arm64 host <linux/kvm.h> will
 * do in place of salvage/uapi.h.
 */
#include <assert.h>
#include <stdio.h>

#include <salvage/softkvm.h>
#include <salvage/uapi.h>

#define KVM(fd, request, argument) sv_soft_ioctl(soft, fd, request, argument)

int main(void)
{
	static uint32_t ram[1024] __attribute__((aligned(4096))) = {0xb8004401}; /* str w1, [x0], #4 */
	struct sv_kvm_userspace_memory_region slot = {0, 0, 0x40000000, sizeof(ram), (uintptr_t)ram};
	struct sv_kvm_enable_cap nisv = {.cap = SV_KVM_CAP_ARM_NISV_TO_USER};
	uint64_t entry = 0x40000000, device = 0x09000000;
	struct sv_kvm_one_reg pc = {SV_KVM_CORE(SV_KVM_CORE_PC), (uintptr_t)&entry};
	struct sv_kvm_one_reg x0 = {SV_KVM_CORE(0), (uintptr_t)&device};
	struct sv_kvm_vcpu_init init;

	struct sv_soft *soft = sv_soft_new(NULL);
	int vm = KVM(sv_soft_open(soft), SV_KVM_CREATE_VM, NULL), vcpu = KVM(vm, SV_KVM_CREATE_VCPU, NULL);
	struct sv_kvm_run *run = sv_soft_run_page(soft, vcpu);
	assert(!KVM(vm, SV_KVM_SET_USER_MEMORY_REGION, &slot) && !KVM(vm, SV_KVM_ENABLE_CAP, &nisv));
	assert(!KVM(vm, SV_KVM_ARM_PREFERRED_TARGET, &init) && !KVM(vcpu, SV_KVM_ARM_VCPU_INIT, &init));
	assert(!KVM(vcpu, SV_KVM_SET_ONE_REG, &pc) && !KVM(vcpu, SV_KVM_SET_ONE_REG, &x0));
	assert(!KVM(vcpu, SV_KVM_RUN, NULL) && run->exit_reason == SV_KVM_EXIT_ARM_NISV);
	printf("a store that the CPU does not describe, at 0x%llx\n",
	       (unsigned long long)run->arm_nisv.fault_ipa);
	sv_soft_free(soft);
	return 0;
}
