SELECT until FROM ops.verified WHERE what = $what
