const secret = decodeURIComponent(location.hash.slice(1));
if (secret) {
  history.replaceState(null, '', location.pathname);
  document.getElementById('secret').value = secret;
  document.getElementById('sign-in').submit();
}