"""What comes in: landed as files, held against the contract, loaded into raw, and entered in the ledger."""
