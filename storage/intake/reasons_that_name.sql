SELECT DISTINCT reasons FROM checked WHERE contains(array_to_string(reasons, ' '), $id)
