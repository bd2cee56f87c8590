/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Page tables, the parts that are not in a hurry: announcing them, the tables that user mode runs on, refusals.
 *
 * Xen runs kernel and user mode of a 64-bit domain in the same ring, on two roots. The kernel's is the guest's own. User
 * mode's is a shadow from the pool: it has the entries made with USER, and where such an entry of level 4 leads to a
 * table of level 3, that one's shadow. Levels 2 and 1 are shared. Shadows are read-only from the start, zeroed while
 * unused, and written through mmu_update only.
 */
#include "rom.h"

enum { PRESENT = 1, WRITABLE = 2, USER = 4, TABLE_ENTRIES = 512, PAGE_SHIFT = 12 };
#define ADDRESS 0x000ffffffffff000ull
#define NO_EXECUTE (1ull << 63)
#define KERNEL_ONLY (1ull << XEN_PTE_KERNEL_BIT)
/* Slots of a level 4 table that are Xen's (public/arch-x86/xen-x86_64.h, HYPERVISOR_VIRT_START and _END). */
enum { XEN_SLOT_FIRST = 256, XEN_SLOT_LAST = 271 };

static uint64_t *table_at(uint64_t page)
{
	return (uint64_t *)(handover(XEN_HANDOVER_DIRECT_MAP) + (page << PAGE_SHIFT));
}

/* Machine address of a page. */
static uint64_t machine(uint64_t page)
{
	return machine_frame(page) << PAGE_SHIFT;
}

/* Not a page for an entry that PteMake refused to make, whose frame Xen has nothing to say of. */
static uint64_t page_of_entry(uint64_t entry)
{
	if ((entry & ADDRESS) == ADDRESS)
		return ~0ull;
	return ((const uint64_t *)XEN_M2P)[(entry & ADDRESS) >> PAGE_SHIFT];
}

/* Of an address in the direct map. */
static uint64_t page_of_address(uint64_t address)
{
	return (address - handover(XEN_HANDOVER_DIRECT_MAP)) >> PAGE_SHIFT;
}

static int is_page(uint64_t page)
{
	return page < handover(XEN_HANDOVER_PAGES);
}

static struct xen_mmu_update *updates(void)
{
	return window(XEN_UPDATES);
}

uint64_t translate(uint64_t address)
{
	uint64_t page = handover(XEN_HANDOVER_ROOT) >> PAGE_SHIFT;

	for (int level = 4; level; level--)
		page = page_of_entry(table_at(page)[address >> (3 + 9 * level) & (TABLE_ENTRIES - 1)]);
	return page << PAGE_SHIFT | (address & 4095);
}

int64_t vmi_error(int64_t error)
{
	static const int8_t known[][2] = {
		{ 0, 0 }, { XEN_EPERM, VMI_DENIED }, { XEN_ENOMEM, VMI_NO_MEMORY }, { XEN_EFAULT, VMI_FAULT },
		{ XEN_EBUSY, VMI_BUSY },
	};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i][0] == error)
			return known[i][1];
	return VMI_INVALID;
}

/* ---- refusals ---- */

_Noreturn void address_space_refused(uint64_t root, int64_t error)
{
	events_off();
	refuse(error ? "AddressSpaceSet" : "AddressSpaceSet: no announced root", root, 0, error);
}

int64_t pte_set_batch_refused(const struct vmi_pte_update *update, uint32_t done, int64_t error)
{
	report_refusal("PteSetBatch", update[done].entry, update[done].value, error);
	return done;
}

/* ---- updates: on their way to Xen, with events off ---- */

static uint32_t done; /* of those sent last */

static void add_update(uint64_t machine_address, uint64_t value)
{
	updates()[this_vcpu()->queued++] = (struct xen_mmu_update){ machine_address, value };
}

static int64_t send_updates(void)
{
	uint32_t count = this_vcpu()->queued;

	done = 0;
	this_vcpu()->queued = 0;
	return count ? xen_call4(XEN_MMU_UPDATE, (uint64_t)updates(), count, (uint64_t)&done, XEN_DOMID_SELF) : 0;
}

void updates_flush(void)
{
	uint32_t before = events_off();
	int64_t error = send_updates();

	if (error) /* the entry by its machine address: the other one is not kept */
		refuse("PteUpdateDeferred", updates()[done].ptr, updates()[done].value, error);
	events_on(before);
}

static uint64_t pool_page(uint32_t shadow)
{
	return (handover(XEN_HANDOVER_POOL) >> PAGE_SHIFT) + shadow - 1;
}

static uint32_t shadow_of(uint64_t page)
{
	return frames()[page] >> XEN_FRAME_SHADOW_SHIFT;
}

/* Machine address of an entry in the shadow of a page. */
static uint64_t shadow_entry(uint64_t page, unsigned offset)
{
	return machine(pool_page(shadow_of(page))) + offset;
}

/* What the shadow of a table has for an entry; the shadow of the next table exists. */
static uint64_t shadow_value(unsigned level, uint64_t value)
{
	if (!(value & PRESENT) || value & KERNEL_ONLY)
		return 0;
	if (level == 3)
		return value;
	return (value & ~ADDRESS) | shadow_entry(page_of_entry(value), 0);
}

/* Whether an entry of the table that the guest has is one that user mode shall see. */
static int is_shadowed(unsigned level, unsigned index, uint64_t value)
{
	return value & PRESENT && !(value & KERNEL_ONLY) &&
	       (level == 3 || index < XEN_SLOT_FIRST || index > XEN_SLOT_LAST);
}

/* Gives a table of level 3 or 4 a shadow with what it has now. 0 or an error, in Xen's terms: ENOMEM, the pool is empty. */
static int64_t shadow_fill(uint64_t page, unsigned level)
{
	const uint64_t *table = table_at(page);
	uint32_t shadow, limit = handover(XEN_HANDOVER_POOL_PAGES);
	int64_t error;

	for (shadow = 1; shadow <= limit && frames()[pool_page(shadow)]; shadow++)
		;
	if (shadow > limit)
		return XEN_ENOMEM;
	updates_flush();
	for (unsigned i = 0; i < TABLE_ENTRIES; i++)
		if (is_shadowed(level, i, table[i]))
			add_update(machine(pool_page(shadow)) + i * 8, shadow_value(level, table[i]));
	error = send_updates();
	if (error)
		return error;
	frames()[pool_page(shadow)] = level;
	frames()[page] |= shadow << XEN_FRAME_SHADOW_SHIFT;
	return 0;
}

/* Makes the shadow of the table of level 3 that an entry leads to, if it has none. 0 or an error, in Xen's terms. */
static int64_t shadow_next(uint64_t value)
{
	uint64_t page = page_of_entry(value);

	if (!is_page(page))
		return XEN_EINVAL;
	return shadow_of(page) ? 0 : shadow_fill(page, 3);
}

/* Those of a root, and of all that it leads to. 0 or an error, as above. */
static int64_t shadow_make(uint64_t page)
{
	const uint64_t *table = table_at(page);
	int64_t error = 0;

	for (unsigned i = 0; i < TABLE_ENTRIES && !error; i++)
		if (is_shadowed(4, i, table[i]))
			error = shadow_next(table[i]);
	return error ? error : shadow_fill(page, 4);
}

/* Nothing refers to the shadow any more: it is zeroed and free. */
static void shadow_free(uint64_t page)
{
	uint32_t shadow = shadow_of(page);

	if (!shadow)
		return;
	updates_flush();
	for (unsigned i = 0; i < TABLE_ENTRIES; i++)
		if (table_at(pool_page(shadow))[i])
			add_update(shadow_entry(page, i * 8), 0);
	updates_flush();
	frames()[pool_page(shadow)] = 0;
	frames()[page] &= XEN_FRAME_LEVEL;
}

/* One entry, whatever it is in. 0 or an error, in Xen's terms. */
static int64_t set_entry(uint64_t entry, uint64_t value)
{
	uint64_t page = page_of_address(entry);

	if (!is_page(page) || entry & 7)
		return XEN_EFAULT;
	unsigned level = frames()[page] & XEN_FRAME_LEVEL, offset = entry & 4095;

	if (!level) { /* not announced: memory */
		*(volatile uint64_t *)entry = value;
		return 0;
	}
	updates_flush();
	if (shadow_of(page)) {
		int64_t error = level == 4 && is_shadowed(4, offset / 8, value) ? shadow_next(value) : 0;

		if (error)
			return error;
		add_update(shadow_entry(page, offset), shadow_value(level, value));
	}
	add_update(machine(page) + offset, value);
	return send_updates();
}

/* A batch in more than one table: still one call to Xen, but for entries of levels 3 and 4 and of ordinary memory. */
static int64_t set_entries(const struct vmi_pte_update *update, uint32_t count)
{
	uint32_t run;

	updates_flush();
	for (uint32_t i = 0; i < count; i += run) {
		for (run = 0; i + run < count; run++) {
			uint64_t entry = update[i + run].entry, page = page_of_address(entry);

			if (!is_page(page) || frames()[page] - 1 >= 2)
				break;
			add_update(machine(page) + (entry & 4095), update[i + run].value);
		}
		int64_t error = run ? send_updates() : set_entry(update[i].entry, update[i].value);

		if (error)
			return pte_set_batch_refused(update, run ? i + done : i, error);
		run += !run;
	}
	return count;
}

/* ---- announcing ---- */

/* Changes how a page is mapped at the direct map. */
static int64_t map_direct(uint64_t page, uint64_t flags)
{
	return xen_call3(XEN_UPDATE_VA_MAPPING, (uint64_t)table_at(page),
			 machine(page) | PRESENT | USER | flags | NO_EXECUTE | KERNEL_ONLY, XEN_UVMF_INVLPG);
}

/* Tells Xen that a table is, or is no more, one of level 4. */
static int64_t pin(uint64_t machine_address, uint64_t command)
{
	struct xen_mmuext operation = { .command = command, .argument = machine_address >> PAGE_SHIFT };

	return xen_call4(XEN_MMUEXT_OP, (uint64_t)&operation, 1, 0, XEN_DOMID_SELF);
}

/* A root and its shadow, which it gets. Xen looks at the root first: after that its entries have frames. */
static int64_t root_add(uint64_t page)
{
	int64_t error = pin(machine(page), XEN_MMUEXT_PIN_L4);

	if (error)
		return error;
	error = shadow_make(page);
	if (!error)
		error = pin(shadow_entry(page, 0), XEN_MMUEXT_PIN_L4);
	if (error)
		pin(machine(page), XEN_MMUEXT_UNPIN);
	return error;
}

static void root_pins(uint64_t page, uint64_t command)
{
	pin(machine(page), command);
	pin(shadow_entry(page, 0), command);
}

static int is_table(uint64_t address, uint32_t level)
{
	return !(address & 4095) && level >= 1 && level <= 4 && is_page(address >> PAGE_SHIFT);
}

static int64_t add_table(uint64_t address, uint32_t level)
{
	uint64_t page = address >> PAGE_SHIFT;
	int64_t error;

	if (!is_table(address, level))
		return VMI_INVALID;
	if (frames()[page])
		return VMI_BUSY;
	error = map_direct(page, 0);
	if (!error) {
		frames()[page] = level;
		if (level == 4)
			error = root_add(page);
		if (!error)
			return 0;
		shadow_free(page);
		frames()[page] = 0;
		map_direct(page, WRITABLE);
	}
	report_refusal("PageTableAdd", address, level, error);
	return vmi_error(error);
}

static int64_t remove_table(uint64_t address, uint32_t level)
{
	uint64_t page = address >> PAGE_SHIFT;

	if (!is_table(address, level) || (frames()[page] & XEN_FRAME_LEVEL) != level)
		return VMI_INVALID;
	if (address == this_vcpu()->root)
		return VMI_BUSY;
	updates_flush();
	if (level == 4)
		root_pins(page, XEN_MMUEXT_UNPIN);
	if (map_direct(page, WRITABLE)) { /* in use in another table */
		if (level == 4)
			root_pins(page, XEN_MMUEXT_PIN_L4);
		return VMI_BUSY;
	}
	shadow_free(page);
	frames()[page] = 0;
	return 0;
}

/* ---- what an event must not come between ---- */

enum whole { ADD, REMOVE, SET_ENTRIES, SET_ENTRY };

/* With events off, on a stack of the ROM's own: it needs more than a call may take of the kernel's. */
int64_t apart(uint64_t first, uint64_t second, enum whole what, int64_t error)
{
	if (what == ADD)
		return add_table(first, second);
	if (what == REMOVE)
		return remove_table(first, second);
	if (what == SET_ENTRIES)
		return set_entries((const struct vmi_pte_update *)first, second);
	if (!error)
		error = set_entry(first, second);
	if (error)
		refuse("PteSet", first, second, error);
	return 0;
}

/* PteSet of what its short way cannot do (error 0), or what it failed with. */
void pte_set_other(uint64_t entry, uint64_t value, int64_t error)
{
	whole(entry, value, SET_ENTRY, error);
}

int64_t page_table_add(uint64_t address, uint32_t level)
{
	return whole(address, level, ADD, 0);
}

int64_t page_table_remove(uint64_t address, uint32_t level)
{
	return whole(address, level, REMOVE, 0);
}

int64_t pte_set_batch_other(uint64_t updates, uint32_t count)
{
	return whole(updates, count, SET_ENTRIES, 0);
}

int64_t tlb_flush_others(uint64_t vcpus)
{
	updates_flush();
	return vcpus & ~1ull ? VMI_INVALID : 0;
}
