/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of /dev/kvm and of a VM, but for memory and devices. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "soft.h"

#define IPA_BITS_MIN     32
#define IPA_BITS_DEFAULT 40 /* Documentation/virt/kvm/api.rst, KVM_CREATE_VM */

/* value 0: what the configuration says. Kernels: the oldest that has it. */
static const struct {
	uint32_t capability;
	int value;
	enum sv_soft_kernel oldest;
} capabilities[] = {
	{SV_KVM_CAP_USER_MEMORY, 1, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_USER_MEMORY2, 1, SV_SOFT_LINUX_6_12},
	{SV_KVM_CAP_NR_VCPUS, SOFT_VCPUS, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_MAX_VCPUS, SOFT_VCPUS, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_NR_MEMSLOTS, SOFT_SLOTS, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_MP_STATE, 1, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_SET_GUEST_DEBUG, 1, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_IOEVENTFD, 1, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_VCPU_EVENTS, 1, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_ONE_REG, 1, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_READONLY_MEM, 1, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_DEVICE_CTRL, 1, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_ARM_PSCI_0_2, 1, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_IMMEDIATE_EXIT, 1, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_ARM_INJECT_SERROR_ESR, 0, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_ARM_VM_IPA_SIZE, 0, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_ARM_NISV_TO_USER, 1, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_ARM_INJECT_EXT_DABT, 1, SV_SOFT_LINUX_5_10},
	{SV_KVM_CAP_ARM_SEA_TO_USER, 1, SV_SOFT_LINUX_7_1},
	{SV_SOFT_CAP_ARM_INJECT_EXT_IABT, 0, SV_SOFT_LINUX_5_10},
};

static int extension(const struct sv_soft *soft, uint32_t capability)
{
	const struct sv_soft_config *config = &soft->config;

	for (size_t i = 0; i < config->without_count; i++)
		if (config->without[i] == capability)
			return 0;
	switch (capability) {
	case SV_KVM_CAP_ARM_INJECT_SERROR_ESR:
		return !config->no_ras;
	case SV_KVM_CAP_ARM_VM_IPA_SIZE:
		return (int)config->ipa_bits;
	case SV_SOFT_CAP_ARM_INJECT_EXT_IABT:
		return config->ext_iabt;
	}
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++)
		if (capabilities[i].capability == capability)
			return config->kernel <= capabilities[i].oldest ? capabilities[i].value : 0;
	return 0;
}

bool soft_has(const struct sv_soft *soft, uint32_t capability)
{
	return extension(soft, capability) > 0;
}

static int get_api_version(struct soft_object *object, void *argument)
{
	return SV_KVM_API_VERSION;
}

static int check_extension(struct soft_object *object, void *argument)
{
	return extension(object->soft, (uint32_t)(uintptr_t)argument);
}

static int get_mmap_size(struct soft_object *object, void *argument)
{
	return SOFT_RUN_SIZE;
}

static int create_vm(struct soft_object *object, void *argument)
{
	uint64_t type = (uintptr_t)argument, bits = type ? type : IPA_BITS_DEFAULT;
	struct soft_vm *vm;
	int fd;

	if (bits < IPA_BITS_MIN || bits > object->soft->config.ipa_bits)
		return -EINVAL;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return -ENOMEM;
	vm->references = 1;
	vm->ipa_bits = (unsigned)bits;
	pthread_rwlock_init(&vm->lock, NULL);
	pthread_mutex_init(&vm->psci, NULL);
	fd = soft_object_add(object->soft, &vm->object, SOFT_KIND_VM);
	if (fd < 0)
		soft_vm_put(vm);
	return fd;
}

void soft_vm_put(struct soft_vm *vm)
{
	unsigned references;

	pthread_mutex_lock(&vm->object.soft->lock);
	references = --vm->references;
	pthread_mutex_unlock(&vm->object.soft->lock);
	if (references)
		return;
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		soft_vcpu_free(vm->vcpus[i]);
	soft_memory_free(vm);
	soft_vgic_free(vm->vgic);
	pthread_mutex_destroy(&vm->psci);
	pthread_rwlock_destroy(&vm->lock);
	free(vm);
}

/* arch/arm64/kvm/arm.c, kvm_vm_ioctl_enable_cap. */
static int enable_cap(struct soft_object *object, void *argument)
{
	const struct sv_kvm_enable_cap *cap = argument;
	struct soft_vm *vm = (struct soft_vm *)object;
	const struct {
		uint32_t capability;
		_Atomic bool *on;
	} switches[] = {
		{SV_KVM_CAP_ARM_NISV_TO_USER, &vm->nisv_to_user},
		{SV_KVM_CAP_ARM_SEA_TO_USER, &vm->sea_to_user},
	};

	if (cap->flags)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++)
		if (switches[i].capability == cap->cap && soft_has(object->soft, cap->cap)) {
			atomic_store(switches[i].on, true);
			return 0;
		}
	return -EINVAL;
}

static int preferred_target(struct soft_object *object, void *argument)
{
	/* KVM_ARM_TARGET_GENERIC_V8 */
	*(struct sv_kvm_vcpu_init *)argument = (struct sv_kvm_vcpu_init){.target = 5};
	return 0;
}

/* Nothing delivers interrupts: a line's level is taken and forgotten. */
static int irq_line(struct soft_object *object, void *argument)
{
	return ((struct soft_vm *)object)->vgic ? 0 : -ENXIO;
}

const struct soft_request soft_kvm_requests[] = {
	{SV_KVM_GET_API_VERSION, get_api_version},
	{SV_KVM_CREATE_VM, create_vm},
	{SV_KVM_CHECK_EXTENSION, check_extension},
	{SV_KVM_GET_VCPU_MMAP_SIZE, get_mmap_size},
	{0, NULL},
};

const struct soft_request soft_vm_requests[] = {
	{SV_KVM_CHECK_EXTENSION, check_extension},
	{SV_KVM_CREATE_VCPU, soft_create_vcpu},
	{SV_KVM_SET_USER_MEMORY_REGION, soft_set_memory},
	{SV_KVM_SET_USER_MEMORY_REGION2, soft_set_memory2},
	{SV_KVM_GET_DIRTY_LOG, soft_get_dirty_log},
	{SV_KVM_ENABLE_CAP, enable_cap},
	{SV_KVM_ARM_PREFERRED_TARGET, preferred_target},
	{SV_KVM_IRQ_LINE, irq_line},
	{SV_KVM_IOEVENTFD, soft_ioeventfd},
	{SV_KVM_CREATE_DEVICE, soft_create_device},
	{0, NULL},
};
